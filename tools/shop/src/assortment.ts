import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '@atlas/cli/user-error';
import type { AtlasClient } from './client';

export interface ForSale {
  readonly sku: string;
  readonly name: string;
  /** Minor units of EUR. */
  readonly price: number;
}

/** Of everything that these commands sell; it asks for no attributes. */
const CATEGORY = 'groceries';
const CONCURRENCY = 16;
const POLL_MS = { first: 20, last: 1_000 };
const STUCK_AFTER_MS = 60_000;

/**
 * Lists products in the catalog, and waits until orders has heard of their prices, so that they can be ordered.
 * @param stuckAfterMs how long there may be no progress.
 * @throws UserError if that takes longer.
 */
export async function sell(
  client: AtlasClient,
  products: readonly ForSale[],
  stuckAfterMs = STUCK_AFTER_MS,
): Promise<void> {
  const schema = { type: 'object', properties: {} };
  await client.putCategory(CATEGORY, { title: 'Groceries', schema });
  // Shared by all workers: each takes the next product.
  const waiting = products.values();
  const work = async () => {
    for (const { sku, name, price } of waiting) {
      await client.putProduct(sku, {
        category: CATEGORY,
        name,
        price: { minorUnits: price, currency: 'EUR' },
        attributes: {},
      });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  await untilKnown(client, new Map(products.map(({ sku, price }) => [sku, price])), stuckAfterMs);
}

async function untilKnown(
  client: AtlasClient,
  prices: ReadonlyMap<string, number>,
  stuckAfterMs: number,
): Promise<void> {
  let [known, movedAt] = [0, performance.now()];
  for (let pause = POLL_MS.first; ; pause = Math.min(2 * pause, POLL_MS.last)) {
    let found = 0;
    for await (const { sku, minorUnits } of client.prices()) if (prices.get(sku) === minorUnits) found++;
    if (found === prices.size) return;
    if (found > known) [known, movedAt] = [found, performance.now()];
    if (performance.now() - movedAt > stuckAfterMs) {
      throw new UserError(
        `Orders knows only ${found} of ${prices.size} prices, and has heard of no other for ${stuckAfterMs / 1_000} s. ` +
          '"atlas status" shows what runs, and "atlas audit" where the events are.',
      );
    }
    await sleep(pause);
  }
}
