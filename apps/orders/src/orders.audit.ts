import { type Audited, type Check, Checking, type ContextAudit } from '@atlas/context';
import { z } from 'zod';

/** Orders runs the life of an order, so it checks that the others agree with it. */
export const audit: ContextAudit = {
  check: async (audited) => ({ checks: await auditOrders(audited) }),
};

const line = z.object({ sku: z.string(), quantity: z.int() });
/** What orders expects of inventory's and payments' readings. */
const reservationFact = z.object({ orderId: z.string(), status: z.string(), lines: z.array(line) });
const paymentFact = z.object({ orderId: z.string(), status: z.string(), amount: z.string() });

type Reservation = z.infer<typeof reservationFact>;
type Payment = z.infer<typeof paymentFact>;

interface OrderRow {
  readonly id: string;
  readonly status: 'placed' | 'awaiting-payment' | 'confirmed' | 'cancelled';
  readonly total: string;
  readonly lines: readonly z.infer<typeof line>[];
}

const PAGE = 1_000;

async function auditOrders({ database, inFlight, read }: Audited): Promise<readonly Check[]> {
  const settled = new Checking('every order is settled, or in flight with a reason');
  const agreed = new Checking('orders, inventory and payments agree on every order');
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const { rows: orders } = await database.query<OrderRow>(
      `SELECT id, status, total, (
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
      settled.look(
        order.id,
        open && !inFlight && `is ${order.status}, yet nothing is on its way to move it on`,
      );
      // What is in flight may explain a difference; once nothing is, there must be none.
      const difference = disagreement(order, reservations.get(order.id), payments.get(order.id));
      agreed.look(order.id, !inFlight && difference);
    }
  }
  return [settled.result, agreed.result];
}

/** What the stock and the money of an order must be, given what the order is. */
function disagreement(
  order: OrderRow,
  reservation: Reservation | undefined,
  payment: Payment | undefined,
): string | undefined {
  const is = `is ${order.status}, its reservation ${reservation?.status ?? 'missing'}, its payment ${payment?.status ?? 'missing'}`;
  if (reservation && quantities(reservation.lines) !== quantities(order.lines)) {
    return 'has other lines than its reservation';
  }
  if (payment && payment.amount !== order.total) {
    return `has the total ${order.total}, its payment the amount ${payment.amount}`;
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
