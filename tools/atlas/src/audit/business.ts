import type { Client } from 'pg';
import type { InFlight } from './backbone';
import { type Check, Checking } from './report';

export interface Databases {
  readonly orders: Client;
  readonly inventory: Client;
  readonly payments: Client;
}

interface Line {
  readonly sku: string;
  readonly quantity: number;
}

interface OrderRow {
  readonly id: string;
  readonly status: 'placed' | 'awaiting-payment' | 'confirmed' | 'cancelled';
  readonly total: string;
  readonly version: number;
  readonly lines: readonly Line[];
}

interface ReservationRow {
  readonly id: string;
  readonly status: 'held' | 'committed' | 'released' | 'expired' | 'rejected';
  readonly lines: readonly Line[];
}

interface PaymentRow {
  readonly id: string;
  readonly status: string;
  readonly amount: string;
}

const PAGE = 1_000;

/** Checks what the contexts say against each other: orders, stock and money. */
export async function auditBusiness(databases: Databases, inFlight: InFlight): Promise<readonly Check[]> {
  return [
    ...(await auditOrders(databases, inFlight)),
    await auditStock(databases.inventory),
    ...(await auditLedger(databases.payments)),
  ];
}

async function auditOrders(databases: Databases, inFlight: InFlight): Promise<readonly Check[]> {
  const settled = new Checking('every order is settled, or in flight with a reason');
  const agreed = new Checking('orders, inventory and payments agree on every order');
  const underway = await reasonsUnderway(databases.payments, inFlight);
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const { rows: orders } = await databases.orders.query<OrderRow>(
      `SELECT id, status, total, version,
         (SELECT json_agg(json_build_object('sku', sku, 'quantity', quantity)) FROM order_line WHERE order_id = id) AS lines
       FROM orders WHERE id > $1 ORDER BY id LIMIT ${PAGE}`,
      [after],
    );
    const last = orders.at(-1);
    if (!last) break;
    after = last.id;
    const ids = orders.map((order) => order.id);
    const reservations = await byId<ReservationRow>(
      databases.inventory,
      `SELECT id, status,
         (SELECT json_agg(json_build_object('sku', sku, 'quantity', quantity)) FROM reservation_line WHERE reservation_id = id) AS lines
       FROM reservation WHERE id = ANY ($1::uuid[])`,
      ids,
    );
    const payments = await byId<PaymentRow>(
      databases.payments,
      'SELECT id, status, amount FROM payment WHERE id = ANY ($1::uuid[])',
      ids,
    );
    for (const order of orders) {
      const open = order.status === 'placed' || order.status === 'awaiting-payment';
      settled.look(
        order.id,
        open && !underway && `is ${order.status}, yet nothing is on its way to move it on`,
      );
      // What is on its way may well explain a difference; once nothing is, there must be none.
      const reservation = reservations.get(order.id);
      const payment = payments.get(order.id);
      agreed.look(order.id, !underway && disagreement(order, reservation, payment));
    }
  }
  return [settled.result, agreed.result];
}

/** True if anything is on its way between the contexts, or waits for an operator or the provider. */
async function reasonsUnderway(payments: Client, inFlight: InFlight): Promise<boolean> {
  const counts = [inFlight.unpublished, inFlight.unhandled, inFlight.deadLetters].flatMap((by) =>
    Object.values(by),
  );
  if (counts.some((count) => count > 0)) return true;
  const [row] = (
    await payments.query<{ open: boolean }>(
      `SELECT EXISTS (SELECT FROM payment WHERE status IN ('pending', 'refunding')) AS open`,
    )
  ).rows;
  return row?.open ?? false;
}

/** What the stock and the money of an order must be, given what the order is. */
function disagreement(
  order: OrderRow,
  reservation: ReservationRow | undefined,
  payment: PaymentRow | undefined,
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

const quantities = (lines: readonly Line[]): string =>
  lines
    .map(({ sku, quantity }) => `${sku}×${quantity}`)
    .sort()
    .join();

async function byId<Row extends { readonly id: string }>(
  database: Client,
  sql: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Row>> {
  const { rows } = await database.query<Row>(sql, [ids]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** One statement is one snapshot, so this holds at any moment, under load too. */
async function auditStock(inventory: Client): Promise<Check> {
  const checking = new Checking('stock in = on hand + reserved + sold, for each SKU, never negative');
  const { rows } = await inventory.query<
    Record<'sku' | 'received' | 'on_hand' | 'reserved' | 'sold' | 'came' | 'held' | 'gone', string>
  >(`
    SELECT stock.*, coalesce(movement.came, 0) AS came, coalesce(line.held, 0) AS held, coalesce(line.gone, 0) AS gone
    FROM stock
    LEFT JOIN (SELECT sku, sum(quantity) AS came FROM stock_movement GROUP BY sku) movement USING (sku)
    LEFT JOIN (
      SELECT sku,
        sum(quantity) FILTER (WHERE status = 'held') AS held,
        sum(quantity) FILTER (WHERE status = 'committed') AS gone
      FROM reservation_line JOIN reservation ON reservation.id = reservation_id GROUP BY sku
    ) line USING (sku)
    ORDER BY sku`);
  for (const row of rows) {
    const [received, onHand, reserved, sold] = [row.received, row.on_hand, row.reserved, row.sold].map(
      BigInt,
    ) as [bigint, bigint, bigint, bigint];
    const wrong: string[] = [];
    if (received !== onHand + reserved + sold)
      wrong.push(`${received} came in, but ${onHand} + ${reserved} + ${sold} are accounted for`);
    if ([received, onHand, reserved, sold].some((level) => level < 0n)) wrong.push('a level is negative');
    if (received !== BigInt(row.came)) wrong.push(`received says ${received}, the movements ${row.came}`);
    if (reserved !== BigInt(row.held))
      wrong.push(`reserved says ${reserved}, the reservations hold ${row.held}`);
    if (sold !== BigInt(row.gone)) wrong.push(`sold says ${sold}, the committed reservations ${row.gone}`);
    checking.look(row.sku, wrong.join('; ') || undefined);
  }
  return checking.result;
}

/** The books of one moment: every transaction balanced, and as much money held as payments say. */
async function auditLedger(payments: Client): Promise<readonly Check[]> {
  const balanced = new Checking('every ledger transaction balances');
  const agreed = new Checking('the ledger and the provider agree with every payment');
  const { rows: transactions } = await payments.query<{ id: string; debit: string; credit: string }>(
    `SELECT transaction_id AS id, sum(debit) AS debit, sum(credit) AS credit FROM ledger_entry GROUP BY transaction_id`,
  );
  for (const { id, debit, credit } of transactions) {
    balanced.look(`transaction ${id}`, debit !== credit && `debits ${debit}, credits ${credit}`);
  }
  const { rows } = await payments.query<{
    id: string;
    status: string;
    amount: string;
    booked: string | null;
    charged: string | null;
  }>(`
    SELECT payment.id, status, payment.amount,
      (SELECT sum(debit - credit) FROM ledger_entry JOIN ledger_transaction ON id = transaction_id
       WHERE payment_id = payment.id AND account = 'provider-clearing') AS booked,
      (SELECT CASE WHEN charge_id IS NOT NULL AND refund_id IS NULL THEN charge.amount ELSE 0 END
       FROM sandbox_provider.charge WHERE key = payment.id::text) AS charged
    FROM payment`);
  for (const { id, status, amount, booked, charged } of rows) {
    // While the provider is being asked, it may know more than the payment does.
    const asking = status === 'pending' || status === 'refunding';
    const held = status === 'captured' || status === 'refunding' ? amount : '0';
    const wrong =
      (booked ?? '0') !== held
        ? `is ${status} over ${amount}, the ledger holds ${booked ?? 0}`
        : !asking &&
          (charged ?? '0') !== held &&
          `is ${status} over ${amount}, the provider holds ${charged ?? 0}`;
    agreed.look(id, wrong);
  }
  return [balanced.result, agreed.result];
}
