import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { type Options, format } from 'prettier';
import { FsTree, flushChanges } from 'nx/src/generators/tree';
import { context as generateContext } from '../src/context';
import { aggregateOf, mustBeName } from '../src/names';
import { Refusal } from '../src/refusal';
import { pluralOf, wordsOf } from '../src/words';
import { isLeftOut } from './left-out';
import { type Manifest, manifestOf } from './manifest';
import { mustBePlace, nameOf } from './place';

export interface WorkspaceOptions {
  /** Where; must not exist, or be empty. */
  readonly folder: string;
  readonly context: string;
  /** Singular; default: as the generator of contexts has it. */
  readonly aggregate?: string | undefined;
}

const ROOT = resolve(__dirname, '../../..');
const FILES = join(__dirname, 'files');

/**
 * Makes a workspace with the platform and one context. It is made beside its place and moved there once it is complete.
 * @returns its folder.
 * @throws Refusal if that can't be; then nothing is written.
 */
export async function createWorkspace(options: WorkspaceOptions): Promise<string> {
  const folder = resolve(options.folder);
  const { context, aggregate = aggregateOf(context) } = options;
  mustBePlace(ROOT, folder);
  mustBeName('a context', context, 'shipping');
  mustBeName('an aggregate', aggregate, 'shipment');
  const name = nameOf(folder);

  mkdirSync(dirname(folder), { recursive: true });
  const draft = mkdtempSync(join(dirname(folder), `.${basename(folder)}-`));
  try {
    copy(draft);
    const { snake, title } = wordsOf(context);
    const replacements = {
      workspace: name,
      context,
      title,
      aggregate,
      route: pluralOf(aggregate),
      environment: snake.toUpperCase(),
    };
    writeOwnFiles(draft, replacements);
    writeManifest(draft, name);
    await generate(draft, context, aggregate);
    await tidyPages(draft);
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
  // Whoever has no git gets the files alone.
  spawnSync('git', ['init', '--quiet'], { cwd: folder, stdio: 'ignore' });
  return folder;
}

/** The files that git has, or would have, in a folder. @throws Refusal if it is no clone. */
function filesOf(root: string): readonly string[] {
  try {
    return execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
      .split('\n')
      .filter((file) => file !== '' && lstatSync(join(root, file), { throwIfNoEntry: false })?.isFile());
  } catch (cause) {
    throw new Refusal('create-atlas copies what git has: run it in a clone, where git is installed.', {
      cause,
    });
  }
}

function copy(draft: string): void {
  for (const file of filesOf(ROOT)) {
    if (isLeftOut(file)) continue;
    mkdirSync(dirname(join(draft, file)), { recursive: true });
    copyFileSync(join(ROOT, file), join(draft, file));
  }
}

/** The files that a new workspace has instead of this repository's, with `{{names}}` replaced. */
function writeOwnFiles(draft: string, replacements: Readonly<Record<string, string>>): void {
  const render = (text: string) =>
    text.replaceAll(/\{\{(\w+)\}\}/g, (whole, name: string) => replacements[name] ?? whole);
  for (const entry of readdirSync(FILES, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    // Ends in .txt, so that no tool takes it for a file of this repository.
    const target = join(draft, relative(FILES, source).replace(/\.txt$/, ''));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, render(readFileSync(source, 'utf8')));
  }
  const compose = join(draft, 'compose.yaml');
  const named = readFileSync(compose, 'utf8').replace(/^name: .*$/m, `name: ${replacements['workspace']}`);
  writeFileSync(compose, named);
}

/** package.json and package-lock.json. @throws Error if npm fails. */
function writeManifest(draft: string, name: string): void {
  const texts = { kept: [] as string[], leftOut: [] as string[] };
  for (const file of filesOf(ROOT).filter((each) => !/^package(?:-lock)?\.json$|\.png$/.test(each))) {
    texts[isLeftOut(file) ? 'leftOut' : 'kept'].push(readFileSync(join(ROOT, file), 'utf8'));
  }
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
  const own = manifestOf(manifest, name, texts);
  writeFileSync(join(draft, 'package.json'), `${JSON.stringify(own, undefined, 2)}\n`);
  // npm takes out of the lock file what the workspace no longer needs; every version stays.
  copyFileSync(join(ROOT, 'package-lock.json'), join(draft, 'package-lock.json'));
  const args = ['install', '--package-lock-only', '--ignore-scripts', '--offline'];
  const { status, stderr } = spawnSync('npm', args, { cwd: draft, encoding: 'utf8' });
  if (status !== 0) throw new Error(`"npm ${args.join(' ')}" failed:\n${stderr}`);
}

/** The context, and what follows from it, with this repository's packages. */
async function generate(draft: string, context: string, aggregate: string): Promise<void> {
  const packages = join(draft, 'node_modules');
  symlinkSync(join(ROOT, 'node_modules'), packages);
  try {
    const tree = new FsTree(draft, false);
    const update = await generateContext(tree, { name: context, aggregate });
    flushChanges(draft, tree.listChanges());
    update();
  } finally {
    for (const made of ['node_modules', 'dist', '.nx']) {
      rmSync(join(draft, made), { recursive: true, force: true });
    }
  }
}

/** Links to pages that are left out become plain text, and everything is formatted as Prettier has it. */
async function tidyPages(draft: string): Promise<void> {
  const style = JSON.parse(readFileSync(join(draft, '.prettierrc.json'), 'utf8')) as Options;
  for (const entry of readdirSync(draft, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.md')) continue;
    const file = join(entry.parentPath, entry.name);
    const text = readFileSync(file, 'utf8');
    const unlinked = text.replaceAll(
      /\[([^\]]+)\]\(([^)\s#]+)(#[^)]*)?\)/g,
      (whole, label: string, to: string) =>
        /^[a-z]+:/.test(to) || existsSync(join(entry.parentPath, to)) ? whole : label,
    );
    writeFileSync(file, await format(unlinked, { ...style, filepath: file }));
  }
}
