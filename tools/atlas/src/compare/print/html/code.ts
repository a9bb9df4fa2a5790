import hljs from 'highlight.js/lib/core';
import json from 'highlight.js/lib/languages/json';
import sql from 'highlight.js/lib/languages/pgsql';
import typescript from 'highlight.js/lib/languages/typescript';
import type { Source } from '../../model/model';
import type { Workspace } from '../../model/workspace';
import { html, Markup } from './markup';

hljs.registerLanguage('typescript', typescript);
hljs.registerLanguage('sql', sql);
hljs.registerLanguage('json', json);

/** Enough for any class; what is longer is cut. */
const MAX_LINES = 200;

/** The code of a source, in colour, with its place. */
export function codeOf(workspace: Workspace, source: Source): Markup {
  const { file, line, endLine } = source;
  const lines = workspace.codeOf(source).split('\n');
  const shown = outdented(lines.slice(0, MAX_LINES)).join('\n');
  const { value } = hljs.highlight(shown, { language: languageOf(file) });
  const more = lines.length - MAX_LINES;
  const place = line === endLine ? `${file}:${line}` : `${file}:${line}–${endLine}`;
  return html`<figure>
    <figcaption>${place}</figcaption>
    <pre tabindex="0" role="group" aria-label="${place}"><code>${new Markup(value)}</code></pre>
    ${more > 0 && html`<p class="more">${more} more lines in the file</p>`}
  </figure>`;
}

function languageOf(file: string): string {
  if (file.endsWith('.json')) return 'json';
  return file.includes('/migrations/') ? 'sql' : 'typescript';
}

/** Without the indentation that all lines share. */
function outdented(lines: readonly string[]): readonly string[] {
  const indents = lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/));
  const shared = Math.min(...indents);
  return lines.map((line) => line.slice(Number.isFinite(shared) ? shared : 0));
}
