// The site of "npm run docs". Its pages are those of docs/, and what tools/docs/src/build.ts generates; it puts both into
// dist/docs.src, with the sidebar.
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitepress';

const folder = (name) => new URL(`../../../../dist/${name}`, import.meta.url).pathname;

/** As Git hosts make the anchors of headings, so that links work there, too. */
const slugify = (title) =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');

export default defineConfig({
  title: 'Atlas',
  description: 'A reference platform for data-intensive applications',
  lang: 'en',
  srcDir: folder('docs.src'),
  outDir: folder('docs'),
  cacheDir: folder('docs.cache'),
  // Code is not part of the site's pages: build.ts makes a page of its own for each file that is linked.
  ignoreDeadLinks: [/^\/code\//],
  markdown: { html: false, anchor: { slugify } },
  themeConfig: {
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'Ideas', link: '/patterns/' },
      { text: 'Contexts', link: '/reference/contexts/' },
      { text: 'Events', link: '/reference/events/' },
      { text: 'API', link: '/reference/api/' },
    ],
    sidebar: JSON.parse(readFileSync(`${folder('docs.src')}/sidebar.json`, 'utf8')),
    outline: [2, 3],
    // An index in the browser: no server, no service.
    search: { provider: 'local' },
    docFooter: { prev: false, next: false },
  },
});
