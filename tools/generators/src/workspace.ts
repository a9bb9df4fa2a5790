import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { ContextDeclaration } from '@atlas/context';
import type { Tree } from '@nx/devkit';
import { Refusal } from './refusal';

export const CONTRACTS = 'libs/contracts/src';
export const RELEASED = 'libs/contracts/released';
export const TEMPLATE = 'tools/template';

/** A file's text. @throws Refusal if it doesn't exist. */
export function read(tree: Tree, path: string): string {
  const text = tree.read(path, 'utf8');
  if (text === null) throw new Refusal(`${path} does not exist, so this can't be generated.`);
  return text;
}

/** Every file below a folder, with its path. */
export function filesBelow(tree: Tree, folder: string): readonly string[] {
  return tree
    .children(folder)
    .map((name) => `${folder}/${name}`)
    .flatMap((path) => (tree.isFile(path) ? [path] : filesBelow(tree, path)));
}

/** The declarations of all apps. */
export function declarations(tree: Tree): readonly ContextDeclaration[] {
  return tree
    .children('apps')
    .filter((name) => tree.exists(`apps/${name}/context.json`))
    .map((name) => JSON.parse(read(tree, `apps/${name}/context.json`)) as ContextDeclaration);
}

/** The names of the Nx projects: a folder of apps, libs or tools, or one in it, has a project.json. */
export function projectNames(tree: Tree): readonly string[] {
  const below = (folder: string) => tree.children(folder).map((name) => `${folder}/${name}`);
  const folders = ['apps', 'libs', 'tools'].flatMap(below);
  return [...folders, ...folders.flatMap(below)]
    .map((folder) => `${folder}/project.json`)
    .filter((file) => tree.exists(file))
    .map((file) => (JSON.parse(read(tree, file)) as { name: string }).name);
}

/**
 * Updates what follows from the sources that a generator has written: what comes from the declarations, the released
 * events and the API's description. To be run when the files are on disk.
 * @throws Error if a step fails; what it printed stands above.
 */
export function updateWhatFollows(root: string, { release }: { release: boolean }): void {
  const steps = [
    ['atlas', 'generate'],
    ['run', 'dist/libs/contracts/src/write-async-api.js'],
    ...(release ? [['run', 'dist/libs/contracts/src/release.js']] : []),
  ];
  for (const step of steps) {
    const { status } = spawnSync(process.execPath, [join(root, 'tools/bootstrap.mjs'), ...step], {
      cwd: root,
      stdio: 'inherit',
    });
    if (status !== 0) throw new Error(`"node tools/bootstrap.mjs ${step.join(' ')}" failed, see above.`);
  }
}

/** The names of all contexts. */
export const contextNames = (tree: Tree): readonly string[] =>
  declarations(tree)
    .filter(({ kind }) => kind === 'context')
    .map(({ name }) => name);

/** @throws Refusal if there is no such context. */
export function mustBeContext(tree: Tree, name: string): void {
  const contexts = contextNames(tree);
  if (contexts.includes(name)) return;
  throw new Refusal(`There is no context "${name}": there are ${contexts.join(', ')}.`);
}

/** The folder of a context's migrations, and the number of the next. */
export function migrationsOf(tree: Tree, context: string): { migrations: string; next: number } {
  const migrations = `apps/${context}/src/adapters/driven/postgres/migrations`;
  return { migrations, next: tree.children(migrations).length + 1 };
}

/** The file that has the contract of this name, if one has. */
export const fileOfContract = (tree: Tree, name: string): string | undefined =>
  filesBelow(tree, CONTRACTS).find((file) =>
    new RegExp(`^export const ${name}\\b`, 'm').test(read(tree, file)),
  );

/** The aggregates of a context that are opened with an id and a title, as generated ones are. */
export const aggregatesThatOpen = (tree: Tree, context: string): readonly string[] =>
  filesBelow(tree, `apps/${context}/src/domain`)
    .filter((file) => /^ {2}static open\(/m.test(read(tree, file)))
    .map((file) => file.slice(file.lastIndexOf('/') + 1, -'.ts'.length));

/** The aggregates of a context: those that have events. */
const aggregatesOf = (tree: Tree, context: string): readonly string[] =>
  tree
    .children(`apps/${context}/src/domain`)
    .filter((file) => file.endsWith('-events.ts'))
    .map((file) => file.slice(0, -'-events.ts'.length));

/**
 * The aggregate that something belongs to: the one that the user names, the one in the name of the thing, or the only one.
 * @throws Refusal if that isn't clear.
 */
export function aggregateNamed(
  tree: Tree,
  context: string,
  aggregate: string | undefined,
  thing: string,
): string {
  const all = aggregatesOf(tree, context);
  const found =
    aggregate ??
    all.find((each) => `-${thing}-`.includes(`-${each}-`)) ??
    (all.length === 1 ? all[0] : undefined);
  if (found !== undefined && all.includes(found)) return found;
  throw new Refusal(
    all.length === 0
      ? `${context} has no aggregate with events.`
      : `Which aggregate of ${context} does "${thing}" belong to? There ${all.length === 1 ? 'is' : 'are'} ${all.join(', ')}.`,
  );
}

/**
 * @throws Refusal unless an aggregate is opened as generated ones are: what a generator would write for it, tests above
 * all, begins with that.
 */
export function mustOpen(tree: Tree, context: string, aggregate: string): void {
  if (aggregatesThatOpen(tree, context).includes(aggregate)) return;
  throw new Refusal(
    `${aggregate} in ${context} has no method "static open", with which the generated tests begin: write this by hand, ` +
      'see docs/where-does-it-go.md.',
  );
}
