import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of the sources; works from compiled files, too. */
export function projectRoot(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, 'nx.json'))) folder = dirname(folder);
  return folder;
}
