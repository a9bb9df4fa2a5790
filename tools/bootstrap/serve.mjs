import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { Problem, at, run, say } from './process.mjs';

/**
 * Boots one compiled app with its own defaults. If DATABASE_URL or EVENT_LOG_URL is not set, the app gets an embedded
 * PostgreSQL, which keeps its data in .atlas/serve/<app>. Returns the exit code of the app.
 */
export async function serve(node, app) {
  const main = `dist/apps/${app}/src/main.js`;
  if (!app || !existsSync(at(main))) throw new Problem(`there is no app "${app ?? ''}" in apps/`);
  const { DATABASE_URL, EVENT_LOG_URL } = process.env;
  if (DATABASE_URL && EVENT_LOG_URL) return run(node, [main], { stdio: 'inherit' });

  const { default: embedded } = await import(
    pathToFileURL(at('dist/libs/adapters/src/embedded/postgres-server.js'))
  );
  const database = (process.env.SERVICE ?? app).replaceAll('-', '_');
  const server = await embedded.EmbeddedPostgres.start({ dataDir: at('.atlas/serve', app, 'postgres') });
  try {
    await server.ensureDatabases([database, 'event_log']);
    say(`${app} uses the databases of ${at('.atlas/serve', app)}`);
    return await run(node, ['--enable-source-maps', main], {
      stdio: 'inherit',
      env: {
        HOST: '127.0.0.1',
        DATABASE_URL: server.urlOf(database),
        EVENT_LOG_URL: server.urlOf('event_log'),
        ...process.env,
      },
    });
  } finally {
    await server.stop();
  }
}
