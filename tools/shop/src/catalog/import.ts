import { type AtlasClient, RefusedError, type Written } from '../client';
import { isSkipped, type SkippedLine } from '../load/baskets';
import { type Document, readDocuments } from './documents';

export interface ImportOptions {
  readonly file: string;
  /** Concurrent requests. */
  readonly concurrency: number;
}

/** What became of the lines of one kind. */
export type Counts = Readonly<Record<Written, number>>;

export interface ImportResult {
  readonly categories: Counts;
  readonly products: Counts;
  /** The lines that changed nothing because something is wrong with them, in the order of the file. */
  readonly refused: readonly SkippedLine[];
  /** The whole run, milliseconds. */
  readonly wallMs: number;
}

export interface ImportProgress {
  update(count: { readonly bytes: number; readonly done: number; readonly refused: number }): void;
}

/**
 * Writes each category and product of a file to the catalog. A line that is refused stops none of the others. Importing
 * a file again changes nothing, and what was interrupted can be started anew.
 * @throws UserError if the file can't be read or the catalog is unavailable.
 */
export async function importCatalog(
  client: AtlasClient,
  { file, concurrency }: ImportOptions,
  progress: ImportProgress,
): Promise<ImportResult> {
  const began = performance.now();
  const counts = { category: noCounts(), product: noCounts() };
  const refused: SkippedLine[] = [];
  let [bytes, done] = [0, 0];
  const tell = () => progress.update({ bytes, done, refused: refused.length });

  const write = async (document: Document) => {
    const { line, kind, name, body } = document;
    try {
      const written = await (kind === 'product'
        ? client.putProduct(name, body)
        : client.putCategory(name, body));
      counts[kind][written]++;
      done++;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      refused.push({ line, reason: `was refused: ${error.message}` });
    }
    tell();
  };
  // A category is written before any later line is read, since products of it may follow.
  const products = async function* () {
    for await (const document of readDocuments(file, (read) => (bytes = read.bytes))) {
      if (isSkipped(document)) refused.push(document);
      else if (document.kind === 'category') await write(document);
      else yield document;
    }
  };
  // Shared by all workers: each takes the next product, and the first failure ends it for all.
  const waiting = products();
  const work = async () => {
    for await (const document of waiting) await write(document);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  tell();
  return {
    categories: counts.category,
    products: counts.product,
    refused: refused.sort((a, b) => a.line - b.line),
    wallMs: performance.now() - began,
  };
}

const noCounts = () => ({ created: 0, changed: 0, unchanged: 0 });
