import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Basket, isSkipped, readBaskets, type SkippedLine } from './baskets';
import { type AtlasClient, isSettled, type Order, RefusedError } from './client';
import { digest, fraction } from './digest';
import { percentile } from './percentile';
import { UserError } from './user-error';

export interface ReplayOptions {
  readonly file: string;
  /** At most so many baskets. */
  readonly limit?: number | undefined;
  /** At most so many orders are begun a second, whether the ones before are done or not. */
  readonly rate?: number | undefined;
  /** Requests at a time. */
  readonly concurrency: number;
  /** Units put into stock for each unit that the baskets ask for. */
  readonly stockRatio: number;
  /** Share of the orders, 0 to 1, whose card is declined. */
  readonly declineRate: number;
}

export interface ReplayProgress {
  /** Called often, with running numbers. */
  update(count: { readonly baskets: number; readonly placed: number; readonly settled: number }): void;
  /** Every basket is placed; from here on they only settle. */
  allPlaced?(): void;
}

export interface ReplayResult {
  /** All its orders have the customer `replay-<run>`. */
  readonly run: string;
  readonly lines: number;
  readonly skipped: { readonly count: number; readonly first: readonly SkippedLine[] };
  readonly placed: number;
  readonly confirmed: number;
  /** By reason. */
  readonly cancelled: Readonly<Record<string, number>>;
  /** From the first order placed to the last one settled. */
  readonly ordersPerSecond: number;
  /** Placed → settled, milliseconds. */
  readonly settledAfterMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  /** Of the whole replay, with prices and stock, milliseconds. */
  readonly wallMs: number;
}

const MAX_ITEMS = 100_000;
const LISTED_SKIPS = 20;
const STUCK_AFTER_MS = 60_000;

/**
 * Makes an order of each basket of the file, after giving every item a price and stock, and waits until all are
 * settled. The file is read twice, as a stream, and never held.
 * @throws UserError that says what is wrong with the file, which service is away, what is stuck or lost.
 */
export async function replay(
  client: AtlasClient,
  options: ReplayOptions,
  progress: ReplayProgress,
): Promise<ReplayResult> {
  const began = performance.now();
  const run = randomUUID().slice(0, 8);
  const skipped = new SkippedLines();
  const { lines, baskets, demand } = await survey(options, skipped);
  await stockUp(client, demand, options.stockRatio);

  const count = { baskets, placed: 0, settled: 0 };
  const ids: string[] = [];
  let allPlaced = false;
  // What fails in one half ends the other, too.
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
  );
  await Promise.all([half(placing), half(settling)]);
  ending.signal.throwIfAborted();
  return {
    run,
    lines,
    ...(await totals(client, run, count.placed)),
    skipped: { count: skipped.count, first: skipped.first },
    wallMs: performance.now() - began,
  };
}

const customerOf = (run: string): string => `replay-${run}`;

class SkippedLines {
  readonly first: SkippedLine[] = [];
  count = 0;

  add(line: SkippedLine): void {
    this.count++;
    if (this.first.length < LISTED_SKIPS) this.first.push(line);
  }
}

interface Demand {
  readonly name: string;
  quantity: number;
}

async function survey({ file, limit }: ReplayOptions, skipped: SkippedLines) {
  const demand = new Map<string, Demand>();
  let lines = 0;
  let baskets = 0;
  for await (const line of readBaskets(file)) {
    lines = line.line;
    if (isSkipped(line)) {
      skipped.add(line);
      continue;
    }
    for (const { sku, name, quantity } of line.items) {
      const known = demand.get(sku);
      if (known) known.quantity += quantity;
      else demand.set(sku, { name, quantity });
    }
    if (demand.size > MAX_ITEMS) {
      throw new UserError(`${file} names over ${MAX_ITEMS} different items; is it a file of baskets?`);
    }
    if (++baskets === limit) break;
  }
  if (baskets === 0) {
    const [first] = skipped.first;
    throw new UserError(`${file} has no basket: line ${first?.line} ${first?.reason}.`);
  }
  return { lines, baskets, demand };
}

async function stockUp(
  client: AtlasClient,
  demand: ReadonlyMap<string, Demand>,
  ratio: number,
): Promise<void> {
  await client.setPrices(
    [...demand].map(([sku, { name }]) => ({
      sku,
      name,
      unitPrice: { minorUnits: 49 + (digest(sku) % 1_950), currency: 'EUR' },
    })),
  );
  const onHand = new Map<string, number>();
  for await (const stock of client.stocks()) onHand.set(stock.sku, stock.onHand);
  await client.setStock(
    [...demand].map(([sku, { quantity }]) => ({
      sku,
      onHand: (onHand.get(sku) ?? 0) + Math.ceil(quantity * ratio),
    })),
  );
}

async function placeAll(
  client: AtlasClient,
  run: string,
  { file, limit, rate, concurrency, declineRate }: ReplayOptions,
  signal: AbortSignal,
  on: { placed: (id: string) => void; refused: (line: SkippedLine) => void },
): Promise<void> {
  // Shared by all workers: each takes the next basket, and the first that fails ends it for all.
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
          `replay-${run}-${line}`,
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

/**
 * Follows the customer's orders until all are placed and none waits for stock or payment.
 * @param ids of those that are placed so far, in their order; grows meanwhile.
 */
async function untilSettled(
  client: AtlasClient,
  customerId: string,
  ids: readonly string[],
  allPlaced: () => boolean,
  signal: AbortSignal,
  onSettled: (count: number) => void,
): Promise<void> {
  let settled = 0;
  let picture = '';
  let movedAt = performance.now();
  for (;;) {
    const ending = allPlaced();
    const asked = performance.now();
    settled = await settledOf(client, ids, settled);
    if (ending && settled === ids.length) {
      const waiting = await waitingOf(client, customerId);
      if (waiting.length === 0) return onSettled(settled);
      settled -= waiting.length;
    }
    onSettled(settled);
    const now = performance.now();
    if (picture !== `${ids.length} ${settled}`) {
      picture = `${ids.length} ${settled}`;
      movedAt = now;
    } else if (now - movedAt > STUCK_AFTER_MS) throw stuck(await waitingOf(client, customerId));
    // Asking takes a tenth of the time at most, save for an answer that was long in coming: the services have
    // better to do.
    await sleep(Math.min(2_000, Math.max(100, 9 * (now - asked))), undefined, { signal });
  }
}

/**
 * About how many are settled, of which `from` are known to be: orders settle almost in the order in which they were
 * placed, so a binary search finds the border, however many there are.
 */
async function settledOf(client: AtlasClient, ids: readonly string[], from: number): Promise<number> {
  let low = from;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isSettled(await client.order(ids[middle] as string))) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The orders that are not settled, asked for in the order of their life, so that none slips through. */
async function waitingOf(client: AtlasClient, customerId: string): Promise<readonly Order[]> {
  const waiting = new Map<string, Order>();
  for (const status of ['placed', 'awaiting-payment'] as const) {
    for await (const order of client.ordersOf(customerId, status)) waiting.set(order.id, order);
  }
  return [...waiting.values()];
}

function stuck(waiting: readonly Order[]): UserError {
  const placed = waiting.filter(({ status }) => status === 'placed').length;
  return new UserError(
    `Nothing has moved for ${STUCK_AFTER_MS / 1_000} s: ${placed} orders wait for stock and ` +
      `${waiting.length - placed} for payment, ${waiting.at(-1)?.id} for one. "atlas status" shows what runs, ` +
      'and "atlas audit" where the events are.',
  );
}

async function totals(client: AtlasClient, run: string, placed: number) {
  const cancelled: Record<string, number> = {};
  const durations: number[] = [];
  let confirmed = 0;
  let first = Infinity;
  let last = -Infinity;
  for await (const { status, reason, placedAt, settledAt } of client.ordersOf(customerOf(run))) {
    if (status === 'confirmed') confirmed++;
    else if (status === 'cancelled')
      cancelled[reason ?? 'unknown'] = (cancelled[reason ?? 'unknown'] ?? 0) + 1;
    if (!settledAt) continue;
    durations.push(settledAt.getTime() - placedAt.getTime());
    first = Math.min(first, placedAt.getTime());
    last = Math.max(last, settledAt.getTime());
  }
  if (durations.length !== placed) {
    throw new UserError(
      `${placed} orders were placed, but orders lists ${durations.length} settled ones of ${customerOf(run)}.`,
    );
  }
  durations.sort((a, b) => a - b);
  const at = (percent: number) => percentile(durations, percent) ?? 0;
  return {
    placed,
    confirmed,
    cancelled,
    ordersPerSecond: placed === 0 ? 0 : (placed * 1_000) / Math.max(1, last - first),
    settledAfterMs: { p50: at(50), p95: at(95), p99: at(99) },
  };
}
