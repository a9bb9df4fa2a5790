import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sell } from './assortment';
import { type AtlasClient, isSettled, type NewOrder, type Order, RefusedError } from './client';

/** How an order ends: confirmed, or why it was cancelled. */
export type Outcome =
  'confirmed' | 'out-of-stock' | 'payment-declined' | 'payment-failed' | 'customer-request' | 'expired';

export interface DemoOrder {
  readonly story: string;
  readonly id: string;
  /** The outcomes that are correct. */
  readonly expected: readonly Outcome[];
  /** Its final status, or why it was cancelled. */
  readonly outcome: string;
  /** Each status, with the milliseconds since the previous one. */
  readonly path: readonly { readonly status: string; readonly afterMs: number }[];
  readonly total: { readonly minorUnits: number; readonly currency: string };
  readonly ok: boolean;
}

/** A fact about the other services that must hold once the orders are settled. */
export interface DemoCheck {
  readonly claim: string;
  readonly found: string;
  readonly ok: boolean;
}

export interface DemoResult {
  readonly orders: readonly DemoOrder[];
  readonly checks: readonly DemoCheck[];
  readonly ok: boolean;
}

interface Scenario {
  readonly story: string;
  readonly order: NewOrder;
  readonly expected: readonly Outcome[];
  /** The customer cancels the order once it is confirmed. */
  readonly thenCancel?: boolean;
}

const POLL_MS = 25;

/**
 * Places orders that together reach every outcome. Each run uses its own SKUs and customers.
 * @param deadlineMs time limit for the whole demo; an order that is not settled by then counts as failed.
 */
export async function demo(client: AtlasClient, deadlineMs: number): Promise<DemoResult> {
  const deadline = performance.now() + deadlineMs;
  const run = randomUUID().slice(0, 8);
  const [coffee, lastMug, card, slow, regret] = ['coffee', 'last-mug', 'kettle', 'grinder', 'filter'].map(
    (item) => `demo-${run}-${item}`,
  ) as [string, string, string, string, string];
  const available = { [coffee]: 10, [lastMug]: 1, [card]: 10, [slow]: 10, [regret]: 10 };
  const wish = (customer: string, sku: string, quantity: number, paymentToken = 'tok_approve'): NewOrder => ({
    customerId: `demo-${run}-${customer}`,
    lines: [{ sku, quantity }],
    paymentToken,
  });
  const scenarios: readonly Scenario[] = [
    { story: 'two coffees', order: wish('ada', coffee, 2), expected: ['confirmed'] },
    {
      story: 'the last mug …',
      order: wish('bob', lastMug, 1),
      expected: ['confirmed', 'out-of-stock'],
    },
    {
      story: '… wanted by another, too',
      order: wish('cy', lastMug, 1),
      expected: ['confirmed', 'out-of-stock'],
    },
    { story: 'card declined', order: wish('dee', card, 3, 'tok_decline'), expected: ['payment-declined'] },
    {
      story: 'payment without an answer',
      order: wish('eve', slow, 1, 'tok_timeout'),
      expected: ['payment-failed'],
    },
    {
      story: 'cancelled afterwards',
      order: wish('flo', regret, 4),
      expected: ['customer-request'],
      thenCancel: true,
    },
  ];

  await sell(
    client,
    Object.keys(available).map((sku, n) => ({
      sku,
      name: sku.replace(`demo-${run}-`, '').replaceAll('-', ' '),
      price: 250 + 175 * n,
    })),
    deadlineMs,
  );
  await client.setStock(Object.entries(available).map(([sku, units]) => ({ sku, available: units })));

  const keyOf = (scenario: Scenario) => `demo-${run}-${scenarios.indexOf(scenario)}`;
  const orders = await Promise.all(
    scenarios.map(async (scenario) => {
      const { id } = await client.placeOrder(scenario.order, keyOf(scenario));
      let order = await untilIn(deadline, () => client.order(id), isSettled);
      if (scenario.thenCancel && order.status === 'confirmed') {
        order = await client.cancelOrder(id, `${keyOf(scenario)}-cancel`);
      }
      return { scenario, order };
    }),
  );

  // Only one of the two orders for the last mug can be confirmed.
  const ends = orders.map(({ order }) => outcomeOf(order));
  const mugsFair = [ends[1], ends[2]].sort().join() === 'confirmed,out-of-stock';
  const told = orders.map(({ scenario: { story, expected }, order }, n) => ({
    story,
    id: order.id,
    expected,
    outcome: ends[n] as string,
    path: pathOf(order),
    total: order.total,
    ok: (expected as readonly string[]).includes(outcomeOf(order)) && (expected.length === 1 || mugsFair),
  }));

  const stockIs = async (claim: string, sku: string, levels: string): Promise<DemoCheck> => {
    const read = async () => {
      const { available: free, reserved, sold } = await client.stock(sku);
      return `${free} available, ${reserved} reserved, ${sold} sold`;
    };
    const found = await untilIn(deadline, read, (now) => now === levels);
    return { claim: `${claim}: ${levels}`, found, ok: found === levels };
  };
  const paymentIs = async (claim: string, n: number, status: string): Promise<DemoCheck> => {
    const id = told[n]?.id as string;
    const read = async () => {
      try {
        return (await client.payment(id)).status;
      } catch (error) {
        if (error instanceof RefusedError && error.status === 404) return 'no payment';
        throw error;
      }
    };
    const found = await untilIn(deadline, read, (now) => now === status);
    return { claim: `${claim}: ${status}`, found, ok: found === status };
  };
  const sentAgain = async (): Promise<DemoCheck> => {
    const [first] = scenarios as [Scenario];
    const { id } = await client.placeOrder(first.order, keyOf(first));
    return {
      claim: 'the first order sent again with its key is the same order',
      found: id,
      ok: id === told[0]?.id,
    };
  };
  const checks = await Promise.all([
    sentAgain(),
    stockIs('stock of the coffee', coffee, '8 available, 0 reserved, 2 sold'),
    stockIs('stock of the last mug', lastMug, '0 available, 0 reserved, 1 sold'),
    stockIs('the declined order holds nothing', card, '10 available, 0 reserved, 0 sold'),
    stockIs('the failed one neither', slow, '10 available, 0 reserved, 0 sold'),
    stockIs('what was cancelled is back', regret, '10 available, 0 reserved, 0 sold'),
    paymentIs('its money, too', 5, 'refunded'),
  ]);
  return { orders: told, checks, ok: [...told, ...checks].every(({ ok }) => ok) };
}

const outcomeOf = ({ status, reason }: Order): string =>
  status === 'cancelled' ? (reason ?? status) : status;

const pathOf = ({ history, placedAt }: Order): DemoOrder['path'] =>
  history.map(({ status, at }, n) => ({
    status,
    afterMs: at.getTime() - (history[n - 1]?.at ?? placedAt).getTime(),
  }));

/** Polls until `done` or the deadline. @returns the last answer in both cases. */
async function untilIn<T>(deadline: number, ask: () => Promise<T>, done: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (done(answer) || performance.now() > deadline) return answer;
    await sleep(POLL_MS);
  }
}
