import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export default async function globalTeardown(): Promise<void> {
  removeContainers(process.env['ATLAS_SHARED_CONTAINERS']);
  await globalThis.atlasTestPostgres?.stop();
}

/** @param folder where the suites noted those that they share. */
function removeContainers(folder: string | undefined): void {
  if (!folder) return;
  const ids = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => (JSON.parse(readFileSync(join(folder, file), 'utf8')) as { readonly id: string }).id);
  if (ids.length > 0) execFileSync('docker', ['rm', '--force', '--volumes', ...ids], { stdio: 'ignore' });
  rmSync(folder, { recursive: true });
}
