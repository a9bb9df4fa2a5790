import { z } from 'zod';
import { checkReadable, linesOf, MAX_LINE_BYTES } from '../lines';
import type { SkippedLine } from '../load/baskets';

/** What one line of the file defines: a category or a product. */
export interface Document {
  /** Line number in the file, from 1. */
  readonly line: number;
  readonly kind: 'category' | 'product';
  /** The category's name, or the product's SKU. */
  readonly name: string;
  /** As the catalog's API takes it. */
  readonly body: object;
}

/** How far the file is read. */
export interface Read {
  readonly bytes: number;
}

const product = z.looseObject({ sku: z.string().min(1) });
const category = z.looseObject({ category: z.string().min(1), schema: z.unknown() });

/**
 * Reads a file of JSON lines as a stream, in UTF-8: a line with `sku` is a product, one with `schema` and no `sku`
 * defines the category that it names. Empty lines are passed over. Each category and product may be there once: several
 * lines are written at a time, so the last of two would win by chance.
 * @throws UserError as `checkReadable` does.
 */
export async function* readDocuments(
  path: string,
  onRead: (read: Read) => void = () => undefined,
): AsyncGenerator<Document | SkippedLine> {
  await checkReadable(path, 'a file with a product as JSON on each line');
  const firstLines = new Map<string, number>();
  let [line, bytes] = [0, 0];
  for await (const content of linesOf(path)) {
    line++;
    bytes += (content?.length ?? MAX_LINE_BYTES) + 1;
    onRead({ bytes });
    if (content?.toString().trim() === '') continue;
    const found = content ? documentIn(content) : `is longer than ${MAX_LINE_BYTES} bytes`;
    if (typeof found === 'string') {
      yield { line, reason: found };
      continue;
    }
    const name = `${found.kind} ${found.name}`;
    const first = firstLines.get(name);
    if (first !== undefined) yield { line, reason: `has the ${name} again, which is on line ${first}` };
    else yield { line, ...found };
    firstLines.set(name, first ?? line);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Or the end of a sentence that begins with "line 7". */
function documentIn(content: Buffer): Omit<Document, 'line'> | string {
  let text: string;
  try {
    text = utf8.decode(content);
  } catch {
    return 'is not UTF-8';
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return `is no JSON: ${(error as Error).message}`;
  }
  const isProduct = product.safeParse(json);
  if (isProduct.success) {
    const { sku, ...body } = isProduct.data;
    return { kind: 'product', name: sku, body };
  }
  const isCategory = category.safeParse(json);
  if (isCategory.success && isCategory.data.schema !== undefined) {
    const { category: name, ...body } = isCategory.data;
    return { kind: 'category', name, body };
  }
  return 'has neither a "sku", as a product has, nor a "category" with a "schema"';
}
