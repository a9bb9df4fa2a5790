import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { compare } from '../compare/comparison';
import { openContexts } from '../compare/model/read-context';
import { printComparison, printMatrix } from '../compare/print/terminal';
import { UserError } from '../user-error';

export interface CompareOptions {
  readonly json?: boolean;
  readonly all?: boolean;
  /** Also what is the same. */
  readonly same?: boolean;
  /** A file to write; true: the default one. */
  readonly html?: string | true;
}

/** Sets two contexts beside each other, or all of them. */
export async function runCompare(options: CompareOptions, names: readonly string[]): Promise<number> {
  const { json, all = false, same = false, html } = options;
  const contexts = openContexts();
  if (all) {
    if (html !== undefined) throw new UserError('--html is for two contexts: name them, without --all');
    if (names.length > 0) throw new UserError('Name two contexts, or use --all, but not both');
    const models = await contexts.readAll();
    write(json ? jsonOf(models) : printMatrix(models));
    return 0;
  }
  const [left, right, ...more] = names;
  if (left === undefined || right === undefined || more.length > 0) {
    throw new UserError(`Name two contexts of ${contexts.names.join(', ')}, or use --all`);
  }
  if (left === right)
    throw new UserError(`"${left}" is named twice: name another of ${contexts.names.join(', ')}`);
  const comparison = compare(await contexts.read(left), await contexts.read(right));
  if (json) write(jsonOf(comparison));
  if (html !== undefined) {
    const { printHtml } = await import('../compare/print/html/page.js');
    const file = resolve(html === true ? `compare-${left}-${right}.html` : html);
    await writeFile(file, printHtml(comparison, await contexts.readAll(), contexts.workspace));
    if (!json) write(`${file}\n`);
  } else if (!json) {
    const { isTTY: isTerminal, columns = 120 } = process.stdout;
    write(
      printComparison(comparison, {
        same,
        colour: isTerminal && process.env['NO_COLOR'] === undefined,
        width: Math.min(160, Math.max(80, columns)),
      }),
    );
  }
  return 0;
}

const jsonOf = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

const write = (text: string): void => void process.stdout.write(text);
