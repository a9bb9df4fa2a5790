import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EmbeddedPostgres } from '../../libs/adapters/src/embedded/postgres-server';

declare global {
  // Jest hands nothing from set-up to teardown but the global object.
  var atlasTestPostgres: EmbeddedPostgres | undefined;
}

/** One PostgreSQL server for all suites; ATLAS_TEST_POSTGRES_URL names another one to use instead. */
export default async function globalSetup(): Promise<void> {
  if (process.env['ATLAS_TEST_POSTGRES_URL']) return;
  const { EmbeddedPostgres: Server } = await import('../../libs/adapters/src/embedded/postgres-server');
  const folder = await mkdtemp(join(tmpdir(), 'atlas-test-'));
  const server = await Server.start({ dataDir: join(folder, 'postgres') });
  globalThis.atlasTestPostgres = server;
  process.env['ATLAS_TEST_POSTGRES_URL'] = server.urlOf('postgres');
}
