import { createHash } from 'node:crypto';
import { MAX_LINES, MAX_QUANTITY } from '@atlas/contracts';
import { parse } from 'csv-parse/sync';
import { checkReadable, linesOf, MAX_LINE_BYTES } from '../lines';

/** What one line of the file asks for. */
export interface Basket {
  /** Line number in the file, from 1. */
  readonly line: number;
  /** One for each SKU. */
  readonly items: readonly BasketItem[];
}

export interface BasketItem {
  readonly sku: string;
  readonly name: string;
  readonly quantity: number;
}

/** A line that is no basket, and the end of a sentence that begins with "line 7". */
export interface SkippedLine {
  readonly line: number;
  readonly reason: string;
}

const MAX_NAME_LENGTH = 200;
const BASKETS = 'a file with a basket of item names on each line';

/**
 * Reads a file of baskets as a stream: CSV (RFC 4180), UTF-8, one basket of item names a line. A line is always one
 * record, quotes or not, so that a quote that is never closed costs one line and not the rest of the file.
 * @throws UserError as {@link checkBaskets} does.
 */
export async function* readBaskets(path: string): AsyncGenerator<Basket | SkippedLine> {
  await checkBaskets(path);
  let line = 0;
  for await (const bytes of linesOf(path)) {
    line++;
    const skip = (reason: string): SkippedLine => ({ line, reason });
    if (bytes === undefined) {
      yield skip(`is longer than ${MAX_LINE_BYTES} bytes`);
      continue;
    }
    const names = namesOf(bytes);
    if (typeof names === 'string') yield skip(names);
    else yield basketOf(line, names);
  }
}

export const isSkipped = (line: object): line is SkippedLine => 'reason' in line;

function basketOf(line: number, names: readonly string[]): Basket | SkippedLine {
  const items = new Map<string, { sku: string; name: string; quantity: number }>();
  for (const written of names) {
    const name = written.normalize('NFC').replace(/\s+/gu, ' ').trim();
    if (name === '') continue;
    if (name.length > MAX_NAME_LENGTH) {
      return { line, reason: `names an item with more than ${MAX_NAME_LENGTH} characters` };
    }
    const item = items.get(name);
    if (item) item.quantity++;
    else items.set(name, { sku: skuOf(name), name, quantity: 1 });
  }
  if (items.size === 0) return { line, reason: names.length > 1 ? 'names no item' : 'is empty' };
  if (items.size > MAX_LINES) {
    return { line, reason: `names ${items.size} different items; an order has at most ${MAX_LINES}` };
  }
  const most = Math.max(...[...items.values()].map(({ quantity }) => quantity));
  if (most > MAX_QUANTITY) {
    return { line, reason: `asks for ${most} of one item; an order has at most ${MAX_QUANTITY}` };
  }
  return { line, items: [...items.values()] };
}

/** The fields of a line, or why it can't be read. */
function namesOf(bytes: Buffer): readonly string[] | string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes); // takes a byte order mark away
  } catch {
    return 'is not UTF-8';
  }
  if (text.endsWith('\r')) text = text.slice(0, -1);
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(text)) return 'has control characters';
  if (!text.includes('"')) return text.split(',');
  try {
    return parse(text, { relax_column_count: true, trim: true })[0] ?? [''];
  } catch (error) {
    const code = (error as { code?: string }).code;
    return code === 'CSV_QUOTE_NOT_CLOSED' ? 'opens a quote and does not close it' : 'has a misplaced quote';
  }
}

const skus = new Map<string, string>();

/**
 * The SKU of an item name, the same in every run. `whole milk` is `whole-milk`; a name that a slug can't hold
 * (`rolls/buns`, `Öl`) gets a digest after a dot, which no plain slug has, so that two names never share a SKU.
 */
export function skuOf(name: string): string {
  const known = skus.get(name);
  if (known) return known;
  const plain = name.replaceAll(' ', '-');
  const sku =
    /^[a-z0-9]+(-[a-z0-9]+)*$/.test(plain) && !name.includes('-') && plain.length <= 64
      ? plain
      : `${slugOf(name)}.${createHash('sha256').update(name).digest('hex').slice(0, 12)}`;
  if (skus.size < 100_000) skus.set(name, sku);
  return sku;
}

const slugOf = (name: string): string =>
  name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 48)
    .replace(/-+$/, '') || 'item';

/** @throws UserError as `checkReadable` does. */
export const checkBaskets = (path: string): Promise<void> => checkReadable(path, BASKETS);
