import type { Client } from 'pg';
import type { InFlight } from './backbone';
import { type Check, Checking } from './report';

export interface Databases {
  readonly orders: Client;
  readonly inventory: Client;
  readonly payments: Client;
  /** The payment provider's. */
  readonly provider: Client;
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
  readonly status: 'reserved' | 'committed' | 'released' | 'expired' | 'rejected';
  readonly lines: readonly Line[];
}

interface PaymentRow {
  readonly id: string;
  readonly status: string;
  readonly amount: string;
}

const PAGE = 1_000;

/** Checks what the contexts say against each other: orders, stock and money. */
export async function auditBusiness(
  databases: Databases,
  inFlight: InFlight,
): Promise<{ readonly checks: readonly Check[]; readonly unreconciled: number }> {
  const money = await auditMoney(databases);
  const checks = [
    ...(await auditOrders(databases, inFlight)),
    await auditStock(databases.inventory),
    ...money.checks,
  ];
  return { checks, unreconciled: money.unreconciled };
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
  const checking = new Checking('stock in = available + reserved + sold, for each SKU, never negative');
  const { rows } = await inventory.query<
    Record<'sku' | 'received' | 'available' | 'reserved' | 'sold' | 'came' | 'claimed' | 'gone', string>
  >(`
    SELECT stock.*, coalesce(movement.came, 0) AS came, coalesce(line.claimed, 0) AS claimed, coalesce(line.gone, 0) AS gone
    FROM stock
    LEFT JOIN (SELECT sku, sum(quantity) AS came FROM stock_movement GROUP BY sku) movement USING (sku)
    LEFT JOIN (
      SELECT sku,
        sum(quantity) FILTER (WHERE status = 'reserved') AS claimed,
        sum(quantity) FILTER (WHERE status = 'committed') AS gone
      FROM reservation_line JOIN reservation ON reservation.id = reservation_id GROUP BY sku
    ) line USING (sku)
    ORDER BY sku`);
  for (const row of rows) {
    const [received, available, reserved, sold] = [row.received, row.available, row.reserved, row.sold].map(
      BigInt,
    ) as [bigint, bigint, bigint, bigint];
    const wrong: string[] = [];
    if (received !== available + reserved + sold)
      wrong.push(`${received} came in, but ${available} + ${reserved} + ${sold} are accounted for`);
    if ([received, available, reserved, sold].some((level) => level < 0n)) wrong.push('a level is negative');
    if (received !== BigInt(row.came)) wrong.push(`received says ${received}, the movements ${row.came}`);
    if (reserved !== BigInt(row.claimed))
      wrong.push(`reserved says ${reserved}, the reservations hold ${row.claimed}`);
    if (sold !== BigInt(row.gone)) wrong.push(`sold says ${sold}, the committed reservations ${row.gone}`);
    checking.look(row.sku, wrong.join('; ') || undefined);
  }
  return checking.result;
}

interface LedgerRow extends PaymentRow {
  readonly booked: string;
}

/** The ledger by itself, and against the provider's books, payment by payment and in all. */
async function auditMoney({ payments, provider }: Databases) {
  const balanced = new Checking('every ledger transaction balances');
  const agreed = new Checking('the ledger and the provider agree with every payment');
  const total = new Checking("the provider's books equal the ledger, to the cent");
  const { rows: transactions } = await payments.query<{ id: string; debit: string; credit: string }>(
    `SELECT transaction_id AS id, sum(debit) AS debit, sum(credit) AS credit FROM ledger_entry GROUP BY transaction_id`,
  );
  for (const { id, debit, credit } of transactions) {
    balanced.look(`transaction ${id}`, debit !== credit && `debits ${debit}, credits ${credit}`);
  }

  // Ours first: what moves meanwhile is then in the provider's books alone, and counts as on its way.
  const { rows } = await payments.query<LedgerRow>(`
    SELECT payment.id, status, payment.amount,
      coalesce((SELECT sum(debit - credit) FROM ledger_entry JOIN ledger_transaction ON id = transaction_id
        WHERE payment_id = payment.id AND account = 'provider-clearing'), 0)::text AS booked
    FROM payment`);
  const read = new Set(
    (await payments.query<{ id: string }>('SELECT id FROM statement_line')).rows.map(({ id }) => id),
  );
  const { held, unread, inAll } = await readProviderBooks(provider, read);

  let ledger = 0n;
  let underway = unread.size > 0;
  for (const { id, status, amount, booked } of rows) {
    // While the provider is being asked, it may know more than the payment does.
    const asking = status === 'pending' || status === 'refunding';
    underway ||= asking;
    ledger += BigInt(booked);
    const due = status === 'captured' || status === 'refunding' ? amount : '0';
    const there = held.get(id) ?? 0n;
    held.delete(id);
    const isOpen = asking || unread.has(id);
    agreed.look(
      id,
      booked !== due
        ? `is ${status} over ${amount}, the ledger holds ${booked}`
        : !isOpen && there !== BigInt(due) && `is ${status} over ${amount}, the provider holds ${there}`,
    );
  }
  for (const [reference, amount] of held) {
    if (!unread.has(reference)) agreed.look(reference, `is no payment, yet the provider holds ${amount}`);
  }
  total.look(
    'all payments',
    !underway && inAll !== ledger && `the ledger holds ${ledger}, the provider ${inAll}`,
  );
  return { checks: [balanced.result, agreed.result, total.result], unreconciled: unread.size };
}

/**
 * What the provider holds for each reference and in all, in minor units.
 * @param read the movements that payments has read.
 * @returns also the references of those that it has not.
 */
async function readProviderBooks(provider: Client, read: ReadonlySet<string>) {
  const held = new Map<string, bigint>();
  const unread = new Set<string>();
  let inAll = 0n;
  const { rows } = await provider.query<Record<'id' | 'kind' | 'reference' | 'amount', string>>(
    'SELECT id, kind, reference, amount FROM book_entry',
  );
  for (const { id, kind, reference, amount } of rows) {
    const moved = kind === 'charge' ? BigInt(amount) : -BigInt(amount);
    held.set(reference, (held.get(reference) ?? 0n) + moved);
    if (!read.has(id)) unread.add(reference);
    inAll += moved;
  }
  return { held, unread, inAll };
}
