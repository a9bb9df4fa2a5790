import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Problem, TO_STDERR, at, run, say, seconds } from './process.mjs';

/** The atlas command, and the projects that add verbs to it. */
const COMMAND = readdirSync(at('tools'))
  .filter((name) => name === 'atlas' || existsSync(at('tools', name, 'src/verbs.ts')))
  .map((name) => `tools/${name}`);
const SOURCES = ['apps', 'libs', ...COMMAND];
const STAMP = 'dist/.sources';

/** Whether dist/ was compiled from the sources as they are now. */
export const isBuilt = () => existsSync(at(STAMP)) && readFileSync(at(STAMP), 'utf8') === sourcesHash();

/**
 * Compiles all sources at once: swc needs less time for it than Nx needs to find out that nothing changed.
 * @throws Problem if they don't compile.
 */
export async function build(node) {
  const begin = Date.now();
  const hash = sourcesHash();
  // Next to dist/, at the same depth, because source maps hold relative paths.
  rmSync(at('dist.new'), { recursive: true, force: true });
  mkdirSync(at('dist'), { recursive: true });
  const swc = [
    'node_modules/@swc/cli/bin/swc.js',
    ...SOURCES,
    '--out-dir',
    'dist.new',
    // context.json, beside what is compiled
    '--copy-files',
    '--config-file',
    '.swcrc',
    '--quiet',
  ];
  if ((await run(node, swc, TO_STDERR)) !== 0) throw new Problem('the sources do not compile, see above');
  for (const folder of readdirSync(at('dist.new'))) {
    rmSync(at('dist', folder), { recursive: true, force: true });
    renameSync(at('dist.new', folder), at('dist', folder));
  }
  rmSync(at('dist.new'), { recursive: true });
  writeFileSync(at(STAMP), hash);
  say(`compiled in ${seconds(begin)}`);
}

/** Covers everything that determines the compiled code. */
function sourcesHash() {
  const hash = createHash('sha256');
  const add = (path) =>
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(at(path)))
      .update('\0');
  const walk = (folder) => {
    for (const entry of readdirSync(at(folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (/(?<!\.spec)\.ts$|\.json$/.test(path)) add(path);
    }
  };
  add('.swcrc');
  add('node_modules/@swc/core/package.json');
  SOURCES.forEach(walk);
  return hash.digest('hex');
}
