import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generate } from '../generate/generate';
import { projectRoot } from '../project-root';

export interface GenerateOptions {
  readonly json?: boolean;
  /** Change nothing; exit code 1 if a file is out of date. */
  readonly check?: boolean;
}

/** Updates the files that are generated from the contexts' declarations. */
export async function runGenerate({ json, check = false }: GenerateOptions): Promise<number> {
  const root = projectRoot();
  const stale = (await generate(root)).filter(({ upToDate }) => !upToDate);
  if (!check) for (const { path, content } of stale) await writeFile(join(root, path), content);
  const paths = stale.map(({ path }) => path);
  if (json) process.stdout.write(`${JSON.stringify(check ? { stale: paths } : { written: paths })}\n`);
  else if (paths.length === 0) process.stdout.write('Everything is up to date.\n');
  else if (check) process.stdout.write(`Out of date: ${paths.join(', ')}. Run "npm run generate".\n`);
  else process.stdout.write(`Updated: ${paths.join(', ')}.\n`);
  return check && paths.length > 0 ? 1 : 0;
}
