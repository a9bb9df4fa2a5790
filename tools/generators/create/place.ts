import { lstatSync, readdirSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { mustBeName } from '../src/names';
import { Refusal } from '../src/refusal';

/** @throws Refusal if no workspace can be made in `folder`, an absolute path. @param repository which it must not be in. */
export function mustBePlace(repository: string, folder: string): void {
  if (!relative(repository, folder).startsWith('..')) {
    throw new Refusal(
      `${folder} is in this repository: name a folder outside, such as ../${basename(folder) || 'my-platform'}.`,
    );
  }
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (!stat) return;
  if (!stat.isDirectory()) throw new Refusal(`${folder} is not a folder: choose another name.`);
  if (readdirSync(folder).length > 0) {
    throw new Refusal(`${folder} is not empty: choose another name, or empty it first.`);
  }
}

/** The name of a workspace: that of its folder. @throws Refusal if it can't be one. */
export function nameOf(folder: string): string {
  const name = basename(folder);
  mustBeName('a workspace', name, 'my-platform');
  return name;
}
