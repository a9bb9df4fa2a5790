import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// By its path: Jest's aliases don't reach its own set-up.
import { EmbeddedPostgres } from '../../libs/adapters/src/embedded/postgres-server';

declare global {
  // Jest hands nothing from set-up to teardown but the global object.
  var atlasTestPostgres: EmbeddedPostgres | undefined;
}

/** One PostgreSQL server for all suites; ATLAS_TEST_POSTGRES_URL names another one to use instead. */
export default async function globalSetup(): Promise<void> {
  if (process.env['ATLAS_TEST_POSTGRES_URL']) return;
  const folder = await mkdtemp(join(tmpdir(), 'atlas-test-'));
  const server = await EmbeddedPostgres.start({ dataDir: join(folder, 'postgres') });
  globalThis.atlasTestPostgres = server;
  process.env['ATLAS_TEST_POSTGRES_URL'] = server.urlOf('postgres');
}
