// npm run docs: builds the site of dist/docs from the Markdown of the repository and from what is generated here.
// npm run docs:serve shows it.
import { spawnSync } from 'node:child_process';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readDeclarations } from '@atlas/context';
import { readAll } from '../../atlas/src/compare/model/read-context';
import { writeCodePages } from './code-pages';
import { type Page, WrittenPages } from './pages';
import { apiPages } from './reference/api';
import { contextPages } from './reference/contexts';
import { eventPages } from './reference/events';
import { sidebarOf } from './sidebar';
import { at, write } from './workspace';

const SOURCES = at('dist/docs.src');
const SITE = at('dist/docs');

/** @returns the exit code. */
async function build(): Promise<number> {
  const begin = performance.now();
  const written = new WrittenPages();
  const models = await readAll();
  const pages: readonly Page[] = [
    ...written.read(),
    ...contextPages(models, written),
    ...eventPages(models, written),
    ...(await apiPages(readDeclarations(at('apps')))),
  ];
  await rm(SOURCES, { recursive: true, force: true });
  for (const { path, text } of pages) await write(join(SOURCES, path), text);
  await cp(at('docs/images'), join(SOURCES, 'images'), { recursive: true });
  await write(join(SOURCES, 'sidebar.json'), JSON.stringify(sidebarOf(pages)));
  const { status } = spawnSync(
    process.execPath,
    [at('node_modules/vitepress/bin/vitepress.js'), 'build'],
    // esbuild takes the tsconfig of the current folder, and doesn't know what that of the workspace asks for.
    { cwd: at('tools/docs/site'), stdio: ['ignore', 'inherit', 'inherit'] },
  );
  if (status !== 0) return 1;
  const files = await writeCodePages(written.linked, SITE);
  const seconds = ((performance.now() - begin) / 1_000).toFixed(1);
  process.stdout.write(
    `${pages.length} pages and ${files} pages of code in dist/docs, built in ${seconds} s\n`,
  );
  return 0;
}

build().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
