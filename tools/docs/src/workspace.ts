import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export const ROOT = join(__dirname, '../../..');

export const at = (path: string): string => join(ROOT, path);

export const read = (path: string): string => readFileSync(at(path), 'utf8');

/** Every file of the repository, whether committed yet or not. */
export const FILES: ReadonlySet<string> = new Set(
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file !== '' && existsSync(at(file))),
);

export const isFolder = (path: string): boolean => existsSync(at(path)) && statSync(at(path)).isDirectory();

/** Writes a file, and makes its folder if that is missing. */
export async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
