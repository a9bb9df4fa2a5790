import { sell } from '../assortment';
import type { AtlasClient } from '../client';
import { digest } from '../digest';
import { UserError } from '@atlas/cli/user-error';
import { isSkipped, readBaskets } from './baskets';
import type { SkippedLines } from './skipped-lines';

/** What all baskets together ask of one item. */
export interface Demand {
  readonly name: string;
  quantity: number;
}

const MAX_ITEMS = 100_000;

/**
 * Reads the file once: how many lines and baskets it has, and the demand by SKU.
 * @throws UserError if it has no basket, or far too many different items.
 */
export async function survey(
  { file, limit }: { readonly file: string; readonly limit?: number | undefined },
  skipped: SkippedLines,
): Promise<{ lines: number; baskets: number; demand: ReadonlyMap<string, Demand> }> {
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

/** Lists every item in the catalog and adds `ratio` times the demand to its stock. */
export async function stockUp(
  client: AtlasClient,
  demand: ReadonlyMap<string, Demand>,
  ratio: number,
): Promise<void> {
  await sell(
    client,
    [...demand].map(([sku, { name }]) => ({ sku, name, price: 49 + (digest(sku) % 1_950) })),
  );
  const available = new Map<string, number>();
  for await (const stock of client.stocks()) available.set(stock.sku, stock.available);
  await client.setStock(
    [...demand].map(([sku, { quantity }]) => ({
      sku,
      available: (available.get(sku) ?? 0) + Math.ceil(quantity * ratio),
    })),
  );
}
