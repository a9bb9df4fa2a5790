import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, matchesGlob, relative } from 'node:path';

const ROOT = join(__dirname, '../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** Every page, relative to the root. */
const pages = ['README.md', ...globSync(['docs/**/*.md', 'deploy/**/*.md'], { cwd: ROOT })].sort();

/** Every file and folder of the repository, whether committed yet or not. */
const entries = new Set(
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file !== '' && existsSync(join(ROOT, file)))
    .flatMap((file) => file.split('/').map((_, depth, parts) => parts.slice(0, depth + 1).join('/'))),
);

/** The text outside code, where brackets are links. */
const proseOf = (markdown: string) =>
  markdown.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '`code`');

/** As GitHub generates them. */
const anchorsOf = (markdown: string) =>
  [...markdown.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    (title as string)
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );

/** The page's relative links whose file or heading doesn't exist. */
function brokenLinks(page: string): readonly string[] {
  return [...proseOf(read(page)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target as string)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [path, anchor] = target.split('#') as [string, string | undefined];
      const file = path === '' ? page : relative(ROOT, join(ROOT, dirname(page), path));
      if (!existsSync(join(ROOT, file))) return true;
      return anchor !== undefined && !anchorsOf(read(file)).includes(anchor);
    });
}

/** A path of the repository, recognized by its first folder, or a file name, recognized by its ending. */
const PATH =
  /(?<![\w./@:-])(?:(?:apps|libs|tools|deploy|docs|\.ci)\/[\w./*<>{},…-]*[\w*>}]|[\w.*-]+\.(?:spec|contract|module|app|settings|repository|controller|handler)\.ts)/g;

/** `<context>` and `…` stand for any name. */
const globOf = (path: string) => path.replace(/<[^>]+>|…/g, '*');

/** The paths that a page names, in order. */
const pathsOf = (page: string) => [...read(page).matchAll(PATH)].map(([path]) => path);

/** @param path with folders, or a file name alone, which may be anywhere. */
function exists(path: string): boolean {
  const glob = globOf(path).replace(/\/$/, '');
  return [...entries].some((entry) => matchesGlob(path.includes('/') ? entry : basename(entry), glob));
}

describe('The documentation', () => {
  it.each(pages)('%s has no broken relative link', (page) => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it.each(pages)('%s names only paths that exist', (page) => {
    expect([...new Set(pathsOf(page))].filter((path) => !exists(path))).toEqual([]);
  });

  it('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name),
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !((name as string) in scripts))).toEqual([]);
  });

  it('names no suite for a fault that "npm run test:faults" leaves out', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const [, words = ''] = (scripts['test:faults'] ?? '').split(' test ');
    const patterns = words
      .split(' ')
      .filter((word) => !word.startsWith('-'))
      .map((word) => new RegExp(word));
    const [, singles = ''] = read('docs/faults.md').split('## Single faults');
    const suites = [...singles.matchAll(/`([\w/.-]+\.spec\.ts)`/g)].map(([, suite]) => suite as string);
    expect(suites.length).toBeGreaterThan(12);
    expect(suites.filter((suite) => !patterns.some((pattern) => pattern.test(suite)))).toEqual([]);
  });

  it('names only atlas commands that exist', () => {
    const help = execFileSync(process.execPath, ['tools/atlas.mjs', '--help'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    const commands = [...help.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, name]) => name);
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/(?:npx|`)\s?atlas ([a-z][\w-]*)/g)].map(([, name]) => name),
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !commands.includes(name))).toEqual([]);
  });

  it('has an index of all architecture decision records', () => {
    const records = globSync('docs/adr/[0-9]*.md', { cwd: ROOT }).map((file) => basename(file));
    const indexed = [...read('docs/adr/README.md').matchAll(/\]\((\d{4}-[^)]+)\)/g)].map(([, name]) => name);
    expect(indexed).toEqual(records.sort());
  });

  it('walks from POST to confirmed in one direction: no file is named twice', () => {
    const withoutTargets = read('docs/walk.md').replace(/\]\([^)]*\)/g, ']');
    const paths = [...withoutTargets.matchAll(PATH)].map(([path]) => path);
    expect(paths.length).toBeGreaterThan(50);
    expect(paths.filter((path, index) => paths.indexOf(path) < index)).toEqual([]);
  });
});
