# One image for every process of the platform; the command says which:
#
#   docker run … atlas orders
#   docker run … -e SERVICE=orders atlas outbox-relay

# ---- the sources, compiled
FROM node:24-slim AS build
WORKDIR /atlas
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY .swcrc ./
COPY libs libs
COPY apps apps
RUN node node_modules/@swc/cli/bin/swc.js apps libs --out-dir dist --config-file .swcrc --quiet

# ---- the packages that run, without what only people and compilers read, PostgreSQL's binaries and other Nodes
FROM node:24-slim AS packages
WORKDIR /atlas
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --omit=optional --ignore-scripts \
 && find node_modules -type f \( -name '*.map' -o -name '*.md' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \) -delete

FROM node:24-slim
LABEL org.opencontainers.image.title="atlas" \
      org.opencontainers.image.description="Hexagonal services that talk only through events" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    NODE_OPTIONS="--enable-source-maps --max-old-space-size=256 --max-semi-space-size=8"
WORKDIR /atlas
COPY --from=packages /atlas/node_modules node_modules
COPY --from=build /atlas/dist dist
COPY deploy/process.mjs ./
USER node
ENTRYPOINT ["node", "process.mjs"]
