# One image for every process of the platform; the command says which:
#
#   docker run … atlas SERVICE
#   docker run … -e SERVICE=… atlas outbox-relay
#
# Where packages come from a registry of your own, hand its settings in, and they stay out of the image:
#
#   docker build --secret id=npmrc,src=$HOME/.npmrc -t atlas .        or deploy/image.sh, which looks for them

# ---- the sources, compiled
FROM node:24-slim AS build
WORKDIR /atlas
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --ignore-scripts
COPY .swcrc ./
COPY libs libs
COPY apps apps
RUN node node_modules/@swc/cli/bin/swc.js apps libs --out-dir dist --copy-files --config-file .swcrc --quiet

# ---- the packages that run, without what only people and compilers read, PostgreSQL's binaries and other Nodes
FROM node:24-slim AS packages
WORKDIR /atlas
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --omit=dev --omit=optional --ignore-scripts \
 && find node_modules -type f \( -name '*.map' -o -name '*.md' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \) -delete

FROM node:24-slim
LABEL org.opencontainers.image.title="atlas" \
      org.opencontainers.image.description="Hexagonal services that talk only through events" \
      org.opencontainers.image.licenses="MIT"
# Small heaps: each process holds little at a time, and all of them share a machine.
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8080 \
    NODE_OPTIONS="--enable-source-maps --max-old-space-size=256 --max-semi-space-size=8"
WORKDIR /atlas
COPY --from=packages /atlas/node_modules node_modules
COPY --from=build /atlas/dist dist
COPY deploy/process.mjs deploy/databases.mjs deploy/migrations.mjs deploy/setup.mjs deploy/permissions.mjs ./
USER node
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["node", "process.mjs", "health"]
ENTRYPOINT ["node", "process.mjs"]
