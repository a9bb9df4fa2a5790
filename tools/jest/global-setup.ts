import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { announcedUrl, TestPostgres } from './test-postgres';

declare global {
  // The global object is Jest's only way from set-up to teardown.
  var atlasTestPostgres: TestPostgres | undefined;
}

/**
 * One PostgreSQL server for all suites; ATLAS_TEST_POSTGRES_URL names another one to use instead. And the folder where suites note
 * the containers that they share.
 */
export default async function globalSetup(): Promise<void> {
  process.env['ATLAS_SHARED_CONTAINERS'] = await mkdtemp(join(tmpdir(), 'atlas-containers-'));
  if (process.env['ATLAS_TEST_POSTGRES_URL']) return;
  if (process.env['NX_TASK_TARGET_TARGET'] === 'test') {
    process.env['ATLAS_TEST_POSTGRES_URL'] = await announcedUrl();
    return;
  }
  globalThis.atlasTestPostgres = await TestPostgres.start();
  process.env['ATLAS_TEST_POSTGRES_URL'] = globalThis.atlasTestPostgres.url;
}
