import { projectRoot } from '../project-root';
import { compare, type Comparison, type Row } from './comparison';
import type { ContextModel } from './model/model';
import { ContextReader } from './model/read-context';
import { type Overlay, Workspace } from './model/workspace';

const root = projectRoot();

/** The workspace with some files changed, in memory only. */
const reader = (overlay: Overlay = {}) => new ContextReader(new Workspace(root, overlay));

/** A file of the workspace with something replaced, which must be there. */
function changed(path: string, from: string | RegExp, to: string): Overlay {
  const text = new Workspace(root).text(path) ?? '';
  const replaced = text.replaceAll(typeof from === 'string' ? from : new RegExp(from, 'g'), to);
  expect(replaced).not.toBe(text);
  return { [path]: replaced };
}

const ORDER = 'apps/orders/src/domain/order.ts';
const HANDLER = 'apps/orders/src/adapters/driving/events/payments.handler.ts';

const transitionsOf = ({ aggregates }: ContextModel, name: string) =>
  aggregates
    .find((each) => each.name === name)
    ?.transitions.map(({ from = 'new', to, by }) => `${from} → ${to} by ${by}`);

const rowsOf = ({ sections }: Comparison, id: string): readonly Row[] =>
  sections.find((section) => section.id === id)?.rows ?? [];

const namesOf = (rows: readonly Row[], side: 'left' | 'right') =>
  rows.flatMap((row) => (row.verdict === side ? (row[side]?.name ?? []) : []));

describe('The model of a context', () => {
  it('says what the context does, as context.json declares it', async () => {
    const path = 'apps/orders/context.json';
    const { description } = await reader(
      changed(path, /"description": ".*"/, '"description": "Sells."'),
    ).read('orders');
    expect(description).toBe('Sells.');
  });

  it('has the transitions that the aggregate takes, and no others', async () => {
    const orders = await reader().read('orders');
    expect(transitionsOf(orders, 'Order')).toEqual([
      'new → placed by place',
      'placed → awaiting-payment by stockReserved',
      'placed → cancelled by stockRejected',
      'placed → cancelled by cancel',
      'placed → cancelled by expire',
      'awaiting-payment → confirmed by paymentCaptured',
      'awaiting-payment → cancelled by stockReleased',
      'awaiting-payment → cancelled by paymentRefused',
      'awaiting-payment → cancelled by cancel',
      'awaiting-payment → cancelled by expire',
      'confirmed → cancelled by stockRejected',
      'confirmed → cancelled by cancel',
    ]);
    const inventory = await reader().read('inventory');
    expect(transitionsOf(inventory, 'Reservation')).toEqual([
      'new → reserved by request',
      'new → rejected by request',
      'reserved → committed by commit',
      'reserved → released by release',
      'reserved → expired by expire',
      'committed → released by release',
      'expired → committed by commit',
      'expired → rejected by commit',
    ]);
  });

  it('has the effective policies, with what the context declares and the defaults', async () => {
    const { policies } = await reader().read('payments');
    expect(policies.map(({ name }) => name)).toEqual(['provider', 'providerReads']);
    expect(policies[0]?.settings).toMatchObject({
      'deadline.ms': '4000',
      'timeout.ms': '1000',
      'retry.maxAttempts': '3',
    });
    expect(policies[0]?.declared).not.toContain('retry.maxAttempts');
  });

  it('knows how each port gets at its data', async () => {
    const { transactions } = await reader().read('inventory');
    expect(transactions.isolation).toBe('READ COMMITTED');
    const update = transactions.access.find(
      ({ port, name }) => port === 'ReservationRepository' && name === 'updateDue',
    );
    expect(update).toMatchObject({
      inTransaction: true,
      locks: ['FOR UPDATE SKIP LOCKED reservation', 'FOR UPDATE stock'],
      turns: [{ name: 'stock', why: { adrs: [{ number: 9 }] } }],
    });
  });

  it('of something outside works without an aggregate, a topic or an event', async () => {
    const provider = await reader().read('payment-provider');
    expect(provider).toMatchObject({ aggregates: [], eventsIn: [], eventsOut: [] });
    expect(provider.commands.length).toBeGreaterThan(0);
    expect(provider.ports.map(({ name }) => name)).toContain('Books');
  });

  it('refuses an unknown context and names those that there are', async () => {
    await expect(reader().read('order')).rejects.toThrow(
      /^There is no context "order": choose from .*inventory, .*orders, .*payments, .*payment-provider/,
    );
  });

  it('refuses a migration that it does not understand, rather than leave something out', async () => {
    const path = 'apps/orders/src/adapters/driven/postgres/migrations/1-orders.ts';
    const overlay = changed(
      path,
      'CREATE INDEX orders_due',
      'CREATE VIEW v AS SELECT 1; CREATE INDEX orders_due',
    );
    await expect(reader(overlay).read('orders')).rejects.toThrow(
      `${path}: "atlas compare" does not understand ViewStmt`,
    );
  });
});

describe('A comparison', () => {
  it('takes the same part of two contexts for the same, whatever they call themselves', async () => {
    const contexts = reader();
    const comparison = compare(await contexts.read('orders'), await contexts.read('inventory'));
    const expire = rowsOf(comparison, 'commands').find(({ left }) => left?.name === 'ExpireOrders');
    expect(expire).toMatchObject({ verdict: 'same', right: { name: 'ExpireReservations' } });
    expect(
      rowsOf(comparison, 'transactions').find(({ left }) => left?.name === 'isolation level')?.verdict,
    ).toBe('same');
    expect(namesOf(rowsOf(comparison, 'commands'), 'left')).toContain('PlaceOrder');
    expect(namesOf(rowsOf(comparison, 'transactions'), 'right')).toEqual(['takes turns']);
  });

  it('of a context with itself is all the same', async () => {
    const orders = await reader().read('orders');
    const { sections } = compare(orders, orders);
    expect(sections.flatMap(({ rows }) => rows).filter(({ verdict }) => verdict !== 'same')).toEqual([]);
  });

  it('gives the reason that stands next to the code, once', async () => {
    const contexts = reader();
    const { reasons } = compare(await contexts.read('orders'), await contexts.read('inventory'));
    expect(reasons.filter(({ of }) => of === 'takes turns')).toEqual([
      expect.objectContaining({
        context: 'inventory',
        why: expect.objectContaining({ adrs: [expect.objectContaining({ number: 9 })] }),
      }),
    ]);
  });
});

/** Each changes the code in memory; what compares must show it without any other edit. */
describe('After a change of the code', () => {
  const compared = async (overlay: Overlay) => {
    const contexts = reader(overlay);
    return compare(await contexts.read('orders'), await contexts.read('inventory'));
  };

  it('a renamed port is shown by its new name', async () => {
    const files = new Workspace(root).list('apps/orders').filter((path) => path.endsWith('.ts'));
    const overlay = Object.assign(
      {},
      ...files.map((path) => {
        const text = new Workspace(root).text(path) ?? '';
        return text.includes('PriceBook') ? { [path]: text.replace(/\bPriceBook\b/g, 'PriceList') } : {};
      }),
    ) as Overlay;
    const names = namesOf(rowsOf(await compared(overlay), 'ports'), 'left');
    expect(names).toContain('PriceList');
    expect(names).not.toContain('PriceBook');
  });

  it('a new state and its transition are shown', async () => {
    const overlay = changed(
      ORDER,
      "'confirmed', 'cancelled'] as const",
      "'confirmed', 'cancelled', 'shipped'] as const",
    );
    const path = overlay[ORDER] as string;
    const shipped = path.replace(
      '  private cancelled(',
      `  ship(at: Date): OrderChange {
    if (this.state.status !== 'confirmed') return unchanged(this);
    return changed(this.become('shipped', at), { type: 'order-shipped' });
  }

  private cancelled(`,
    );
    const { left } = await compared({ [ORDER]: shipped });
    expect(left.aggregates[0]?.states).toContainEqual({ name: 'shipped', isStart: false, isEnd: false });
    expect(transitionsOf(left, 'Order')).toContain('confirmed → shipped by ship');
    // Whatever may be cancelled at any time may be now, too.
    expect(transitionsOf(left, 'Order')).toContain('shipped → cancelled by cancel');
  });

  it('a transition that is refused now is gone', async () => {
    const overlay = changed(ORDER, "status === 'placed' || status === 'confirmed'", "status === 'placed'");
    const { left } = await compared(overlay);
    expect(transitionsOf(left, 'Order')).not.toContain('confirmed → cancelled by stockRejected');
  });

  it('an event that is no longer handled is gone on both sides', async () => {
    const overlay = changed(HANDLER, '@EventPattern<string>(PaymentFailed.type)', '');
    const contexts = reader(overlay);
    const orders = await contexts.read('orders');
    expect(orders.eventsIn.map(({ type }) => type)).not.toContain('payments.payment-failed');
    const payments = await contexts.read('payments');
    expect(payments.eventsOut.find(({ type }) => type === 'payments.payment-failed')?.consumers).toEqual([]);
  });

  it('a dropped event is gone, one that is not translated any more is unpublished', async () => {
    const contract = 'libs/contracts/src/orders.ts';
    const dropped = changed(contract, /export const OrderCancelled = defineEvent\([\s\S]*?\n\}\);\n/, '');
    expect((await reader(dropped).read('orders')).eventsOut.map(({ name }) => name)).toEqual([
      'OrderPlaced',
      'OrderPaymentDue',
      'OrderConfirmed',
    ]);
    const silent = changed(
      'apps/orders/src/adapters/driven/events/published-events.ts',
      'contract: OrderCancelled',
      'contract: OrderConfirmed',
    );
    const { eventsOut } = await reader(silent).read('orders');
    expect(eventsOut.filter(({ isPublished }) => !isPublished).map(({ name }) => name)).toEqual([
      'OrderCancelled',
    ]);
  });

  it('a lock that is not taken any more is gone', async () => {
    const overlay = changed(
      'apps/inventory/src/adapters/driven/postgres/stock.mapping.ts',
      '  turn: STOCK_TURN,\n',
      '',
    );
    const reservations = 'apps/inventory/src/adapters/driven/postgres/reservation.mapping.ts';
    const both = { ...overlay, ...changed(reservations, '  turn: STOCK_TURN,\n', '') };
    expect(namesOf(rowsOf(await compared(both), 'transactions'), 'right')).toEqual([]);
  });

  it('a new migration is applied to the tables', async () => {
    const path = 'apps/orders/src/adapters/driven/postgres/migrations/2-gifts.ts';
    const overlay = {
      [path]: `export class Gifts1795737800000 {
        async up(runner) {
          await runner.query(\`
            ALTER TABLE orders ADD COLUMN gift_note text;
            ALTER TABLE price DROP COLUMN name;
            ALTER TABLE orders DROP CONSTRAINT orders_status_check,
              ADD CONSTRAINT orders_status_check CHECK (status IN ('placed', 'gone'));
            DROP INDEX orders_status;
            -- why: gifts are looked up by their note.
            CREATE UNIQUE INDEX orders_gift ON orders (gift_note) WHERE gift_note IS NOT NULL;
          \`);
        }
      }`,
    };
    const { tables } = await reader(overlay).read('orders');
    const table = (name: string) => tables.find((each) => each.name === name);
    expect(table('orders')?.columns.at(-1)).toEqual({ name: 'gift_note', type: 'text', nullable: true });
    expect(table('orders')?.checks.filter((each) => each.startsWith('status IN'))).toEqual([
      expect.stringContaining("'gone'"),
    ]);
    expect(table('price')?.columns.map(({ name }) => name)).not.toContain('name');
    expect(table('orders')?.indexes.map(({ name }) => name)).toEqual([
      'orders_customer',
      'orders_due',
      'orders_gift',
    ]);
    expect(table('orders')?.indexes.at(-1)).toMatchObject({
      unique: true,
      where: 'gift_note IS NOT NULL',
      why: { text: 'gifts are looked up by their note.' },
    });
  });
});
