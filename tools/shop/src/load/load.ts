import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AtlasClient, RefusedError } from '../client';
import { fraction } from '../digest';
import { type Basket, isSkipped, readBaskets, type SkippedLine } from './baskets';
import { stockUp, survey } from './demand';
import { untilSettled } from './settling';
import { SkippedLines } from './skipped-lines';
import { type Totals, totalsOf } from './totals';

export interface LoadOptions {
  readonly file: string;
  /** Take at most this many baskets. */
  readonly limit?: number | undefined;
  /** Start at most this many orders a second, whether earlier ones are done or not. */
  readonly rate?: number | undefined;
  /** Concurrent requests. */
  readonly concurrency: number;
  /** Units put into stock for each unit that the baskets ask for. */
  readonly stockRatio: number;
  /** Share of the orders, 0 to 1, whose card is declined. */
  readonly declineRate: number;
  /** How long no order may settle before the platform counts as stuck, milliseconds; a minute if omitted. */
  readonly stuckAfterMs?: number | undefined;
}

export interface LoadProgress {
  /** Called often, with running totals. */
  update(count: { readonly baskets: number; readonly placed: number; readonly settled: number }): void;
  /** Every basket is placed; from here on the orders only settle. */
  allPlaced?(): void;
}

export interface LoadResult extends Totals {
  /** All its orders have the customer `load-<run>`. */
  readonly run: string;
  readonly lines: number;
  readonly skipped: { readonly count: number; readonly first: readonly SkippedLine[] };
  readonly placed: number;
  /** Requests that were not served at once, and repeated until they were, by what was answered: see {@link AtlasClient.retried}. */
  readonly retried: Readonly<Record<string, number>>;
  /** The whole run, with prices and stock, milliseconds. */
  readonly wallMs: number;
}

/**
 * Places an order for each basket of the file, after giving every item a price and stock, and waits until all are
 * settled. The file is streamed twice and never held in memory.
 * @throws UserError that says what is wrong with the file, which service is unavailable, or what is stuck or lost.
 */
export async function load(
  client: AtlasClient,
  options: LoadOptions,
  progress: LoadProgress,
): Promise<LoadResult> {
  const began = performance.now();
  const run = randomUUID().slice(0, 8);
  const skipped = new SkippedLines();
  const { lines, baskets, demand } = await survey(options, skipped);
  await stockUp(client, demand, options.stockRatio);

  const count = { baskets, placed: 0, settled: 0 };
  const ids: string[] = [];
  let allPlaced = false;
  // A failure in one half ends the other, too.
  const ending = new AbortController();
  const half = async (work: Promise<void>) => {
    try {
      await work;
    } catch (error) {
      ending.abort(error);
    }
  };
  const placing = placeAll(client, run, options, ending.signal, {
    placed: (id) => {
      count.placed = ids.push(id);
      progress.update(count);
    },
    refused: (line) => skipped.add(line),
  }).then(() => {
    allPlaced = true;
    progress.allPlaced?.();
  });
  const settling = untilSettled(
    client,
    customerOf(run),
    ids,
    () => allPlaced,
    ending.signal,
    (settled) => {
      count.settled = settled;
      progress.update(count);
    },
    options.stuckAfterMs,
  );
  await Promise.all([half(placing), half(settling)]);
  ending.signal.throwIfAborted();
  return {
    run,
    lines,
    placed: count.placed,
    ...(await totalsOf(client, customerOf(run), count.placed)),
    retried: Object.fromEntries(client.retried),
    skipped: { count: skipped.count, first: skipped.first },
    wallMs: performance.now() - began,
  };
}

export const customerOf = (run: string): string => `load-${run}`;

async function placeAll(
  client: AtlasClient,
  run: string,
  { file, limit, rate, concurrency, declineRate }: LoadOptions,
  signal: AbortSignal,
  on: { placed: (id: string) => void; refused: (line: SkippedLine) => void },
): Promise<void> {
  // Shared by all workers: each takes the next basket, and the first failure ends it for all.
  const baskets = basketsOf(file, limit);
  const began = performance.now();
  let begun = 0;
  const work = async () => {
    for await (const { line, items } of baskets) {
      const due = rate ? began + (begun++ * 1_000) / rate : 0;
      const early = due - performance.now();
      if (early > 0) await sleep(early, undefined, { signal });
      signal.throwIfAborted();
      const declined = fraction(`declined ${line}`) < declineRate;
      try {
        const { id } = await client.placeOrder(
          {
            customerId: customerOf(run),
            lines: items.map(({ sku, quantity }) => ({ sku, quantity })),
            paymentToken: declined ? 'tok_decline' : 'tok_approve',
          },
          `load-${run}-${line}`,
        );
        on.placed(id);
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        on.refused({ line, reason: `was refused: ${error.message}` });
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
}

async function* basketsOf(file: string, limit: number | undefined): AsyncGenerator<Basket> {
  let count = 0;
  for await (const line of readBaskets(file)) {
    if (isSkipped(line)) continue;
    yield line;
    if (++count === limit) return;
  }
}
