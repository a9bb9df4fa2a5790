import { join, posix } from 'node:path';
import { FILES, isFolder, read, write } from './workspace';

const STYLE = `
:root { color-scheme: light dark; --text: #1b1b1f; --back: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --text: #dfdfd6; --back: #1b1b1f; }
}
body { margin: 0 auto; max-width: 76rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); }
a { color: light-dark(#2f5fd0, #9db4ff); }
pre { overflow-x: auto; padding: 1rem; border-radius: 8px; font-size: 14px; }
code { counter-reset: line; }
code .line::before { counter-increment: line; content: counter(line); display: inline-block; width: 2.5rem; margin-right: 1rem; text-align: right; opacity: 0.45; }`;

/** Escapes what HTML gives a meaning. */
const escaped = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');

const page = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
  `<title>${escaped(title)} · Atlas</title><style>${STYLE}</style></head>` +
  `<body><nav><a href="/">Atlas</a></nav><main><h1>${escaped(title)}</h1>${body}</main></body></html>\n`;

/**
 * Writes a page for every file and folder that pages link to, and for what is in those folders.
 * @param folder of the site.
 * @returns how many.
 */
export async function writeCodePages(linked: Iterable<string>, folder: string): Promise<number> {
  const files = new Set<string>();
  const folders = new Set<string>();
  for (const path of linked) {
    if (isFolder(path)) {
      folders.add(path);
      for (const each of filesBelow(path)) files.add(each);
    } else files.add(path);
  }
  for (const path of files) {
    const lines = read(path)
      .trimEnd()
      .split('\n')
      .map((line, index) => `<span class="line" id="L${index + 1}">${escaped(line)}</span>`);
    await write(
      join(folder, 'code', `${path}.html`),
      page(path, `<pre><code>${lines.join('\n')}\n</code></pre>`),
    );
  }
  for (const path of folders) {
    const items = filesBelow(path).map(
      (file) => `<li><a href="/code/${file}.html">${escaped(posix.relative(path, file))}</a></li>`,
    );
    await write(join(folder, 'code', path, 'index.html'), page(`${path}/`, `<ul>${items.join('')}</ul>`));
  }
  return files.size + folders.size;
}

const filesBelow = (folder: string): readonly string[] =>
  [...FILES].filter((file) => file.startsWith(`${folder}/`)).sort();
