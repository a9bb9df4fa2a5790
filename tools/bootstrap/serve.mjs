import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { Problem, at, run, say } from './process.mjs';

/**
 * Runs one compiled app with its default settings. If DATABASE_URL or EVENT_LOG_URL is not set, the app gets an
 * embedded PostgreSQL, which keeps its data in .atlas/serve/<app>. Returns the exit code of the app.
 * @throws Problem if there is no such app, or a relay is not told whose outbox to publish.
 */
export async function serve(node, app) {
  const main = `dist/apps/${app}/src/main.js`;
  if (!app || !existsSync(at(main))) throw new Problem(`there is no app "${app ?? ''}" in apps/`);
  const { DATABASE_URL, EVENT_LOG_URL, SERVICE } = process.env;
  if (DATABASE_URL && EVENT_LOG_URL) return run(node, [main], { stdio: 'inherit' });

  const { kind, database } = JSON.parse(readFileSync(at('apps', app, 'context.json'), 'utf8'));
  if (kind === 'relay') {
    throw new Problem(
      `${app} publishes the outbox of another service: set SERVICE to its name, and DATABASE_URL and EVENT_LOG_URL ` +
        `to the values that "npx nx serve ${SERVICE ?? '…'}" prints`,
    );
  }
  const { default: embedded } = await import(
    pathToFileURL(at('dist/libs/adapters/src/embedded/postgres-server.js'))
  );
  const server = await embedded.EmbeddedPostgres.start({ dataDir: at('.atlas/serve', app, 'postgres') });
  try {
    const urls = await server.ensureDatabases([database, 'event_log']);
    const env = {
      HOST: '127.0.0.1',
      DATABASE_URL: urls[database],
      EVENT_LOG_URL: urls.event_log,
      ...process.env,
    };
    say(`${app} keeps its data in ${at('.atlas/serve', app)}`);
    say(`DATABASE_URL=${env.DATABASE_URL} EVENT_LOG_URL=${env.EVENT_LOG_URL}`);
    return await run(node, ['--enable-source-maps', main], { stdio: 'inherit', env });
  } finally {
    await server.stop();
  }
}
