import { type Audited, type Check, Checking, type ContextAudit } from '@atlas/context';
import { FIGURES } from '@atlas/contracts';
import { z } from 'zod';

/** The units of all orders with a status, by SKU. */
const unitsOf = (status: string) => `
  SELECT sku AS key, sum(quantity) AS value FROM order_line JOIN orders ON orders.id = order_id
  WHERE status = '${status}' GROUP BY sku`;

/** The totals of some orders. */
const totalsOf = (condition: string) =>
  `SELECT id || ' ' || currency AS key, total AS value FROM orders WHERE ${condition}`;

/** For orders that had a status at any time. */
const once = (status: string) => `history @> '[{"status": "${status}"}]'`;

/** Orders owns an order's life cycle, so it checks that the other contexts agree with it. */
export const audit: ContextAudit = {
  figures: {
    [FIGURES.unitPrice]: { sql: `SELECT sku || ' ' || currency AS key, unit_price AS value FROM price` },
    [FIGURES.unitsOrdered]: {
      sql: 'SELECT order_id AS key, sum(quantity) AS value FROM order_line GROUP BY order_id',
    },
    [FIGURES.unitsReserved]: { sql: unitsOf('awaiting-payment') },
    [FIGURES.unitsSold]: { sql: unitsOf('confirmed') },
    [FIGURES.moneyDue]: { sql: totalsOf(once('awaiting-payment')) },
    // A charge may cross a cancellation, and a confirmed order may be refunded as goodwill: orders hears of neither.
    [FIGURES.moneyCharged]: { bound: 'at least', sql: totalsOf(once('confirmed')) },
    [FIGURES.moneyKept]: { bound: 'at most', sql: totalsOf(`status = 'confirmed'`) },
  },
  check: async (audited) => ({ checks: await auditOrders(audited) }),
};

const line = z.object({ sku: z.string(), quantity: z.int() });
/** What orders reads from inventory and payments. */
const reservationFact = z.object({ orderId: z.string(), status: z.string(), lines: z.array(line) });
const paymentFact = z.object({ orderId: z.string(), status: z.string(), amount: z.string() });

type Reservation = z.infer<typeof reservationFact>;
type Payment = z.infer<typeof paymentFact>;

interface OrderRow {
  readonly id: string;
  readonly status: 'placed' | 'awaiting-payment' | 'confirmed' | 'cancelled';
  readonly total: string;
  /** What its lines add up to. */
  readonly sum: string;
  readonly lines: readonly z.infer<typeof line>[];
}

const PAGE = 1_000;

async function auditOrders({ database, inFlight, read }: Audited): Promise<readonly Check[]> {
  const settled = new Checking('every order is settled, or in flight with a reason');
  const added = new Checking("every order's total is the sum of its lines");
  const agreed = new Checking('orders, inventory and payments agree on every order');
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const { rows: orders } = await database.query<OrderRow>(
      `SELECT id, status, total, (SELECT sum(quantity * unit_price) FROM order_line WHERE order_id = id) AS sum, (
         SELECT json_agg(json_build_object('sku', sku, 'quantity', quantity)) FROM order_line WHERE order_id = id
       ) AS lines
       FROM orders WHERE id > $1 ORDER BY id LIMIT ${PAGE}`,
      [after],
    );
    const last = orders.at(-1);
    if (!last) break;
    after = last.id;
    const ids = orders.map((order) => order.id);
    const reservations = byOrder(await read('inventory', 'reservations', reservationFact, ids));
    const payments = byOrder(await read('payments', 'payments', paymentFact, ids));
    for (const order of orders) {
      const open = order.status === 'placed' || order.status === 'awaiting-payment';
      settled.look(order.id, open && !inFlight && `is ${order.status}, but no pending event will advance it`);
      added.look(
        order.id,
        order.total !== order.sum && `has the total ${order.total}, but its lines ${order.sum}`,
      );
      // Events in flight may explain a difference; without any, there must be none.
      const difference = disagreement(order, reservations.get(order.id), payments.get(order.id));
      agreed.look(order.id, !inFlight && difference);
    }
  }
  return [settled.result, added.result, agreed.result];
}

/** The required states of an order's reservation and payment, by the order's status. */
function disagreement(
  order: OrderRow,
  reservation: Reservation | undefined,
  payment: Payment | undefined,
): string | undefined {
  const is = `is ${order.status}, but its reservation is ${reservation?.status ?? 'missing'} and its payment ${payment?.status ?? 'missing'}`;
  if (reservation && quantities(reservation.lines) !== quantities(order.lines)) {
    return 'has different lines from its reservation';
  }
  if (payment && payment.amount !== order.total) {
    return `has the total ${order.total}, but its payment the amount ${payment.amount}`;
  }
  switch (order.status) {
    case 'placed':
    case 'awaiting-payment':
      return undefined;
    case 'confirmed':
      return reservation?.status === 'committed' && ['captured', 'refunded'].includes(payment?.status ?? '')
        ? undefined
        : is;
    case 'cancelled':
      return ['released', 'expired', 'rejected'].includes(reservation?.status ?? '') &&
        ['declined', 'failed', 'voided', 'refunded', undefined].includes(payment?.status)
        ? undefined
        : is;
  }
}

const quantities = (lines: OrderRow['lines']): string =>
  lines
    .map(({ sku, quantity }) => `${sku}×${quantity}`)
    .sort()
    .join();

const byOrder = <Fact extends { readonly orderId: string }>(
  facts: readonly Fact[],
): ReadonlyMap<string, Fact> => new Map(facts.map((fact) => [fact.orderId, fact]));
