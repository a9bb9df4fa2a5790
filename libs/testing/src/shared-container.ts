import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from './eventually';

const START_TIMEOUT_MS = 240_000;

/**
 * A container that all suites of a Jest run share: the first one that asks starts it, and the run's teardown removes it.
 * @param start returns its id, and what its users need to know, as JSON can hold it.
 */
export async function sharedContainer<Container extends { readonly id: string }>(
  name: string,
  start: () => Promise<Container>,
): Promise<Container> {
  const folder = process.env['ATLAS_SHARED_CONTAINERS'];
  if (!folder)
    throw new Error("Jest's global set-up names the folder of shared containers; run the suite with Jest");
  const file = join(folder, `${name}.json`);
  const isFirst = await writeFile(join(folder, `${name}.lock`), '', { flag: 'wx' }).then(
    () => true,
    () => false,
  );
  if (isFirst) {
    await writeFile(`${file}.new`, JSON.stringify(await start()));
    await rename(`${file}.new`, file);
  }
  return JSON.parse(await eventually(() => readFile(file, 'utf8'), START_TIMEOUT_MS)) as Container;
}
