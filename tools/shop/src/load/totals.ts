import type { AtlasClient } from '../client';
import { UserError } from '@atlas/cli/user-error';
import { percentile } from './percentile';

/** How the orders of one customer ended. */
export interface Totals {
  readonly confirmed: number;
  /** By reason. */
  readonly cancelled: Readonly<Record<string, number>>;
  /** From the first order placed to the last one settled. */
  readonly ordersPerSecond: number;
  /** Placed → settled, milliseconds. */
  readonly settledAfterMs: { readonly p50: number; readonly p95: number; readonly p99: number };
}

/**
 * @param placed how many orders the customer has placed.
 * @throws UserError if orders lists another number of settled ones.
 */
export async function totalsOf(client: AtlasClient, customerId: string, placed: number): Promise<Totals> {
  const cancelled: Record<string, number> = {};
  const durations: number[] = [];
  let confirmed = 0;
  let first = Infinity;
  let last = -Infinity;
  for await (const { status, reason, placedAt, settledAt } of client.ordersOf(customerId)) {
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
      `${placed} orders were placed, but orders lists ${durations.length} settled ones of ${customerId}.`,
    );
  }
  durations.sort((a, b) => a - b);
  const at = (percent: number) => percentile(durations, percent) ?? 0;
  return {
    confirmed,
    cancelled,
    ordersPerSecond: placed === 0 ? 0 : (placed * 1_000) / Math.max(1, last - first),
    settledAfterMs: { p50: at(50), p95: at(95), p99: at(99) },
  };
}
