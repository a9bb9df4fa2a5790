// The server that the tests of all projects share when Nx runs them: `nx run jest:postgres`, which `nx test` starts.
import { announce, TestPostgres } from './test-postgres';

async function main(): Promise<void> {
  const ended = new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, done);
  });
  const server = await TestPostgres.start();
  await announce(server.url);
  await ended;
  await server.stop();
}

void main();
