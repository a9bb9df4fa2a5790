import { randomUUID } from 'node:crypto';
import { eventually } from '@atlas/testing';
import { type Context, startContext } from '@atlas/testing/context';
import { Client } from 'pg';
import { ordersApp } from '../src/orders.app';
import {
  basket,
  money,
  type OrderAnswer,
  paymentCaptured,
  paymentDeclined,
  placeOrder,
  priceChanged,
  productListed,
  productRetired,
  setPrices,
  stockRejected,
  stockReserved,
} from './builders';

interface Page {
  readonly orders: readonly OrderAnswer[];
  readonly nextCursor?: string;
}

interface ProblemAnswer {
  readonly detail: string;
  readonly errors: readonly object[];
}

describe('Orders', () => {
  let orders: Context;

  beforeAll(async () => {
    orders = await startContext(ordersApp);
    await setPrices(orders);
  });
  afterAll(() => orders?.stop());

  const { lines } = basket;
  const place = async (): Promise<string> => (await placeOrder(orders)).id;
  const read = async (id: string) => (await orders.send('GET', `/orders/${id}`)).json<OrderAnswer>();
  const reaches = (id: string, status: string) =>
    eventually(async () => {
      const order = await read(id);
      return order.status === status && order;
    });

  it('responds to a placed order with its price and location', async () => {
    const answer = await orders.send('POST', '/orders', basket);
    expect(answer.statusCode).toBe(201);
    const { id } = answer.json<OrderAnswer>();
    expect(answer.headers['location']).toBe(`/orders/${id}`);
    expect(answer.json()).toMatchObject({
      status: 'placed',
      total: money(487),
      lines: [
        { sku: 'whole-milk', quantity: 2, unitPrice: money(119) },
        { sku: 'brown-bread', quantity: 1, unitPrice: money(249) },
      ],
      version: 1,
    });
    expect(await read(id)).toEqual(answer.json());
  });

  it('confirms an order whose stock is reserved and payment captured, and publishes each step once', async () => {
    const id = await place();
    await orders.publish(stockReserved(id));
    await reaches(id, 'awaiting-payment');
    await orders.publish(paymentCaptured(id));
    const order = await reaches(id, 'confirmed');
    expect(order.history.map((entry) => entry.status)).toEqual(['placed', 'awaiting-payment', 'confirmed']);
    expect(order.settledAt).toBe(order.history[2]?.at);
    expect(await orders.told(id)).toEqual([
      'orders.order-placed 1',
      'orders.order-payment-due 2',
      'orders.order-confirmed 3',
    ]);
  });

  it('cancels an order that is sold out or whose payment is declined, and gives the reason', async () => {
    const [soldOut, declined] = [await place(), await place()];
    await orders.publish(stockRejected(soldOut), stockReserved(declined));
    expect(await reaches(soldOut, 'cancelled')).toMatchObject({ reason: 'out-of-stock' });
    await reaches(declined, 'awaiting-payment');
    await orders.publish(paymentDeclined(declined));
    expect(await reaches(declined, 'cancelled')).toMatchObject({ reason: 'payment-declined' });
  });

  it("keeps its price book from the catalog's events, and an order keeps the price that it saw", async () => {
    const sku = `sku-${randomUUID()}`;
    const priceOf = async () => {
      const page = await orders.send('GET', `/price-book?limit=1&cursor=${sku.slice(0, -1)}`);
      const [entry] = page.json<{ entries: { sku: string; unitPrice: { minorUnits: number } }[] }>().entries;
      return entry?.sku === sku ? entry.unitPrice.minorUnits : undefined;
    };
    const order = () => orders.send('POST', '/orders', { ...basket, lines: [{ sku, quantity: 2 }] });

    await orders.publish(productListed(sku, 300));
    await eventually(async () => (await priceOf()) === 300);
    const placed = (await order()).json<OrderAnswer>();
    await orders.publish(priceChanged(sku, 250));
    await eventually(async () => (await priceOf()) === 250);
    expect((await order()).json()).toMatchObject({ total: money(500) });
    expect(await read(placed.id)).toMatchObject({ total: money(600) });

    const retired = productRetired(sku);
    await orders.publish(retired, retired);
    await eventually(async () => (await priceOf()) === undefined);
    expect((await order()).statusCode).toBe(422);
    expect(await read(placed.id)).toMatchObject({ total: money(600) });
    await orders.publish(productListed(sku, 275, 4));
    await eventually(async () => (await priceOf()) === 275);
  });

  it('handles a duplicate event once', async () => {
    const id = await place();
    const record = stockReserved(id);
    await orders.publish(record, record);
    await orders.publish(record);
    const marker = await place();
    await orders.publish(stockReserved(marker));
    await reaches(marker, 'awaiting-payment');
    await reaches(id, 'awaiting-payment');
    expect(await orders.told(id)).toHaveLength(2);
  });

  it("dead-letters events that it can't handle, and continues with the next order", async () => {
    const [id, stranger] = [await place(), randomUUID()];
    const future = stockReserved(id);
    await orders.publish(
      { topic: 'inventory.events', key: 'foreign', headers: {}, value: Buffer.from('hello') },
      {
        ...future,
        headers: { ...future.headers, ce_dataschema: 'urn:atlas:schema:inventory.stock-reserved:9' },
      },
      stockReserved(stranger),
      stockReserved(id, 2),
    );
    const letters = await eventually(async () => {
      const rows: { kind: string; reason: string }[] = await orders.query(
        `SELECT convert_from(key, 'UTF8') AS key, kind, reason FROM dead_letter
         WHERE convert_from(key, 'UTF8') = ANY ($1) ORDER BY kind, reason`,
        [['foreign', id, stranger]],
      );
      return rows.length === 4 && rows;
    });
    expect(letters).toEqual([
      { key: stranger, kind: 'handler-failed', reason: expect.stringContaining(`no order ${stranger}`) },
      { key: 'foreign', kind: 'malformed', reason: expect.stringContaining('"ce_specversion" is missing') },
      { key: id, kind: 'parked', reason: expect.stringContaining(id) },
      { key: id, kind: 'unknown-version', reason: expect.stringContaining('known versions: 1') },
    ]);
    expect((await read(id)).status).toBe('placed');
    const next = await place();
    await orders.publish(stockReserved(next));
    await reaches(next, 'awaiting-payment');
  });

  it('cancels on request once, even if asked again', async () => {
    const id = await place();
    const first = await orders.send('POST', `/orders/${id}/cancel`);
    expect(first.statusCode).toBe(200);
    expect(first.json()).toMatchObject({ status: 'cancelled', reason: 'customer-request' });
    expect((await orders.send('POST', `/orders/${id}/cancel`)).json()).toEqual(first.json());
    expect(await orders.told(id)).toHaveLength(2);
    expect((await orders.send('POST', `/orders/${randomUUID()}/cancel`)).statusCode).toBe(404);
  });

  it('places one order per idempotency key, however often and concurrently it is sent', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => orders.send('POST', '/orders', basket, key)),
    );
    const placed = answers.filter((answer) => answer.statusCode === 201);
    expect(answers.every((answer) => [201, 409].includes(answer.statusCode))).toBe(true);
    expect(new Set(placed.map((answer) => answer.body)).size).toBe(1);
    const again = await orders.send('POST', '/orders', basket, key);
    expect(again.body).toBe(placed[0]?.body);
    expect(again.headers['location']).toBe(placed[0]?.headers['location']);
    expect(again.headers['idempotency-replayed']).toBe('true');
    const other = await orders.send('POST', '/orders', { ...basket, customerId: 'grace' }, key);
    expect(other.statusCode).toBe(422);
    expect(other.json<ProblemAnswer>().detail).toContain('Idempotency-Key');
  });

  it('responds with 503, never 500, while its database is unavailable, and then places each order once', async () => {
    const customerId = `away-${randomUUID()}`;
    const keys = Array.from({ length: 30 }, () => ({ 'idempotency-key': randomUUID() }));
    const sendAll = () =>
      Promise.all(keys.map((key) => orders.send('POST', '/orders', { ...basket, customerId }, key)));
    const other = new Client({ connectionString: orders.env.DATABASE_URL });
    await other.connect();
    const statuses = new Set<number>();
    for (let round = 0; round < 5; round++) {
      const sent = sendAll();
      await eventually(async () => {
        const { rowCount } = await other.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`,
        );
        return (rowCount ?? 0) > 0 || round > 0;
      });
      for (const { statusCode } of await sent) statuses.add(statusCode);
    }
    await other.end();
    expect(statuses).toContain(503);
    expect([...statuses].filter((status) => ![201, 409, 503].includes(status))).toEqual([]);
    await eventually(async () => (await sendAll()).every(({ statusCode }) => statusCode === 201));
    const placed = (await orders.send('GET', `/orders?customerId=${customerId}&limit=500`)).json<Page>();
    expect(placed.orders).toHaveLength(keys.length);
  });

  it('lists orders by customer and status, newest first, page by page', async () => {
    const customerId = `list-${randomUUID()}`;
    const ids: string[] = [];
    for (let index = 0; index < 5; index++) {
      ids.push((await orders.send('POST', '/orders', { ...basket, customerId })).json<OrderAnswer>().id);
    }
    const first = (await orders.send('GET', `/orders?customerId=${customerId}&limit=3`)).json<Page>();
    const rest = (
      await orders.send('GET', `/orders?customerId=${customerId}&limit=3&cursor=${first.nextCursor}`)
    ).json<Page>();
    const listed = [...first.orders, ...rest.orders];
    expect(listed.map((order) => order.id)).toEqual(ids.reverse());
    expect(listed[0]?.lines.map((line) => line.sku)).toEqual(['whole-milk', 'brown-bread']);
    expect(rest.nextCursor).toBeUndefined();
    const none = await orders.send('GET', `/orders?customerId=${customerId}&status=confirmed`);
    expect(none.json()).toEqual({ orders: [] });
  });

  describe('refuses', () => {
    const long = Array.from({ length: 1_001 }, (_, index) => ({ sku: `sku-${index}`, quantity: 1 }));
    it.each<[string, object, string, string]>([
      ['no lines', { ...basket, lines: [] }, '/lines', 'expected array to have >=1 items'],
      ['too many lines', { ...basket, lines: long }, '/lines', 'expected array to have <=1000 items'],
      [
        'a quantity of zero',
        { ...basket, lines: [{ sku: 'whole-milk', quantity: 0 }] },
        '/lines/0/quantity',
        '>=1',
      ],
      [
        'a negative quantity',
        { ...basket, lines: [{ sku: 'whole-milk', quantity: -1 }] },
        '/lines/0/quantity',
        '>=1',
      ],
      [
        'a huge quantity',
        { ...basket, lines: [{ sku: 'whole-milk', quantity: 1e9 }] },
        '/lines/0/quantity',
        '<=10000',
      ],
      [
        'half a unit',
        { ...basket, lines: [{ sku: 'whole-milk', quantity: 0.5 }] },
        '/lines/0/quantity',
        'int',
      ],
      ['one SKU twice', { ...basket, lines: [lines[0], lines[0]] }, '/lines/1/sku', 'twice'],
      ['no customer', { ...basket, customerId: undefined }, '/customerId', 'string'],
    ])('%s, naming the field', async (_, body, pointer, detail) => {
      const answer = await orders.send('POST', '/orders', body);
      expect(answer.statusCode).toBe(400);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.json<ProblemAnswer>().errors).toContainEqual({
        pointer,
        detail: expect.stringContaining(detail),
      });
    });

    it('an unknown SKU, naming the line', async () => {
      const answer = await orders.send('POST', '/orders', {
        ...basket,
        lines: [lines[0], { sku: 'unicorn', quantity: 1 }],
      });
      expect(answer.statusCode).toBe(422);
      expect(answer.json<ProblemAnswer>().errors).toEqual([
        { pointer: '/lines/1/sku', detail: '"unicorn" has no price' },
      ]);
    });

    it('a POST without an idempotency key', async () => {
      const answer = await orders.inject({
        method: 'POST',
        url: '/orders',
        payload: basket,
      });
      expect(answer.statusCode).toBe(400);
      expect(answer.json<ProblemAnswer>().detail).toContain('Idempotency-Key');
    });

    it('invalid JSON, other content types, oversized bodies and invalid ids', async () => {
      const raw = (payload: string, type: string) =>
        orders.inject({
          method: 'POST',
          url: '/orders',
          payload,
          headers: { 'content-type': type, 'idempotency-key': randomUUID() },
        });
      expect((await raw('{"customerId":', 'application/json')).statusCode).toBe(400);
      expect((await raw('customerId=ada', 'application/x-www-form-urlencoded')).statusCode).toBe(415);
      expect((await raw(JSON.stringify({ x: 'y'.repeat(1_100_000) }), 'application/json')).statusCode).toBe(
        413,
      );
      expect((await orders.send('GET', '/orders/seven')).statusCode).toBe(400);
      expect((await orders.send('GET', '/orders?limit=0')).statusCode).toBe(400);
    });
  });
});
