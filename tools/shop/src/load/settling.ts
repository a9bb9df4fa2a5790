import { setTimeout as sleep } from 'node:timers/promises';
import { type AtlasClient, isSettled, type Order } from '../client';
import { UserError } from '@atlas/cli/user-error';

const STUCK_AFTER_MS = 60_000;

/**
 * Waits until all of the customer's orders are placed and settled.
 * @param ids of the orders placed so far, in order; more are appended meanwhile.
 * @param stuckAfterMs how long there may be no progress.
 * @throws UserError if that takes longer.
 */
export async function untilSettled(
  client: AtlasClient,
  customerId: string,
  ids: readonly string[],
  allPlaced: () => boolean,
  signal: AbortSignal,
  onSettled: (count: number) => void,
  stuckAfterMs = STUCK_AFTER_MS,
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
    } else if (now - movedAt > stuckAfterMs) throw stuck(await waitingOf(client, customerId), stuckAfterMs);
    // Polling takes at most a tenth of the time, unless a response is slow, to keep the load on the services low.
    await sleep(Math.min(2_000, Math.max(100, 9 * (now - asked))), undefined, { signal });
  }
}

/**
 * Estimates how many orders are settled; `from` are known to be. Orders settle nearly in the order in which they were
 * placed, so a binary search is enough.
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

/** The orders that are not settled. Statuses are read in the order of the life cycle, so that no order is missed. */
async function waitingOf(client: AtlasClient, customerId: string): Promise<readonly Order[]> {
  const waiting = new Map<string, Order>();
  for (const status of ['placed', 'awaiting-payment'] as const) {
    for await (const order of client.ordersOf(customerId, status)) waiting.set(order.id, order);
  }
  return [...waiting.values()];
}

function stuck(waiting: readonly Order[], forMs: number): UserError {
  const placed = waiting.filter(({ status }) => status === 'placed').length;
  return new UserError(
    `No progress for ${forMs / 1_000} s: ${placed} orders wait for stock and ` +
      `${waiting.length - placed} for payment, among them ${waiting.at(-1)?.id}. "atlas status" shows what runs, ` +
      'and "atlas audit" where the events are.',
  );
}
