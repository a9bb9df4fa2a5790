import { type Audited, type Check, Checking, type ContextAudit } from '@atlas/context';
import { z } from 'zod';

/** Orders owns an order's life cycle, so it checks that the other contexts agree with it. */
export const audit: ContextAudit = {
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
      settled.look(order.id, open && !inFlight && `is ${order.status}, but no pending event will advance it`);
      // Events in flight may explain a difference; without any, there must be none.
      const difference = disagreement(order, reservations.get(order.id), payments.get(order.id));
      agreed.look(order.id, !inFlight && difference);
    }
  }
  return [settled.result, agreed.result];
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
