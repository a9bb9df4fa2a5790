import { setTimeout as sleep } from 'node:timers/promises';
import { type AtlasClient, isSettled, type Order } from '../client';
import { UserError } from '../user-error';

const STUCK_AFTER_MS = 60_000;

/**
 * Follows the customer's orders until all are placed and none waits for stock or payment.
 * @param ids of the orders placed so far, in their order; grows meanwhile.
 * @throws UserError if nothing moves for a minute.
 */
export async function untilSettled(
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
    // Polls take at most a tenth of the time, unless an answer is slow: the services have better things to do.
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

/** The orders that are not settled. Asked for in the order of their life cycle, so that none slips through. */
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
      `${waiting.length - placed} for payment, among them ${waiting.at(-1)?.id}. "atlas status" shows what runs, ` +
      'and "atlas audit" where the events are.',
  );
}
