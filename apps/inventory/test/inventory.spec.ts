import { randomUUID } from 'node:crypto';
import { UnitOfWork } from '@atlas/ports/adapters';
import { JobTrigger } from '@atlas/ports/application';
import { eventually } from '@atlas/testing';
import { type Context, type Replica, startContext } from '@atlas/testing/context';
import type { ReservationResponse } from '../src/adapters/driving/http/inventory.schemas';
import { ExpireReservations } from '../src/application/commands/expire-reservations';
import { ReserveStock } from '../src/application/commands/reserve-stock';
import { inventoryApp } from '../src/inventory.app';
import {
  discrepancies,
  levelsOf,
  type Line,
  one,
  orderCancelled,
  orderConfirmed,
  orderPlaced,
  productListed,
  setStock,
} from './builders';

describe('Inventory', () => {
  let inventory: Context;

  beforeAll(async () => {
    inventory = await startContext(inventoryApp, { replicas: 2 });
  });
  afterEach(async () => {
    expect(await discrepancies(inventory)).toEqual([]);
  });
  afterAll(() => inventory?.stop());

  const stock = (available: Readonly<Record<string, number>>) => setStock(inventory, available);
  const levels = (sku: string) => levelsOf(inventory, sku);
  const reservationOf = async (orderId: string) =>
    (await inventory.send('GET', `/reservations/${orderId}`)).json<ReservationResponse>();
  const reaches = (orderId: string, status: string) =>
    eventually(async () => {
      const reservation = await reservationOf(orderId);
      return reservation.status === status && reservation;
    });
  /** Reserves stock for `orders` new orders concurrently, half of them in each replica; returns the reservations. */
  const rush = async (orders: number, lines: readonly Line[]): Promise<string[]> => {
    const ids = Array.from({ length: orders }, () => randomUUID());
    const useCases = inventory.replicas.map((replica) => replica.get(ReserveStock));
    await Promise.all(ids.map((orderId, index) => useCases[index % 2]!.execute({ orderId, lines })));
    return Promise.all(ids.map(async (id) => (await reservationOf(id)).status));
  };

  it('reserves stock for a placed order, sells it when the order is confirmed, and publishes each step once', async () => {
    await stock({ milk: 5, bread: 1 });
    const [id, lines] = [randomUUID(), [{ sku: 'milk', quantity: 2 }, one('bread')]];
    await inventory.publish(orderPlaced(id, lines));
    expect(await reaches(id, 'reserved')).toMatchObject({ orderId: id, lines, shortages: [], version: 1 });
    expect(await levels('milk')).toEqual({ received: 5, available: 3, reserved: 2, sold: 0 });
    await inventory.publish(orderConfirmed(id, lines));
    expect(await reaches(id, 'committed')).toMatchObject({ lines, version: 2 });
    expect(await levels('milk')).toEqual({ received: 5, available: 3, reserved: 0, sold: 2 });
    expect(await inventory.told(id)).toEqual(['inventory.stock-reserved 1', 'inventory.stock-committed 2']);
  });

  it('rejects an order as a whole if a line is short, and names the line', async () => {
    await stock({ tea: 5, cake: 1 });
    const [id, lines] = [randomUUID(), [one('tea'), { sku: 'cake', quantity: 2 }, one('unicorn')]];
    await inventory.publish(orderPlaced(id, lines));
    expect(await reaches(id, 'rejected')).toMatchObject({
      lines,
      shortages: [
        { sku: 'cake', requested: 2, available: 1 },
        { sku: 'unicorn', requested: 1, available: 0 },
      ],
    });
    expect(await levels('tea')).toMatchObject({ available: 5, reserved: 0 });
    expect(await inventory.told(id)).toEqual(['inventory.stock-rejected 1']);
  });

  it('makes the stock of a cancelled order available again, whether reserved or sold', async () => {
    await stock({ soap: 2 });
    const [waiting, sold] = [randomUUID(), randomUUID()];
    await inventory.publish(
      orderPlaced(waiting, [one('soap')]),
      orderPlaced(sold, [one('soap')]),
      orderConfirmed(sold, [one('soap')]),
    );
    await reaches(waiting, 'reserved');
    await reaches(sold, 'committed');
    expect(await levels('soap')).toEqual({ received: 2, available: 0, reserved: 1, sold: 1 });
    await inventory.publish(orderCancelled(waiting), orderCancelled(sold, 4));
    expect(await reaches(waiting, 'released')).toMatchObject({ version: 2 });
    expect(await reaches(sold, 'released')).toMatchObject({ version: 3 });
    expect(await levels('soap')).toEqual({ received: 2, available: 2, reserved: 0, sold: 0 });
    expect(await inventory.told(sold)).toEqual([
      'inventory.stock-reserved 1',
      'inventory.stock-committed 2',
      'inventory.stock-released 3',
    ]);
  });

  it('releases nothing for a cancelled order without stock', async () => {
    await stock({ rice: 1 });
    const [rejected, unknown] = [randomUUID(), randomUUID()];
    const news = [
      orderPlaced(rejected, [{ sku: 'rice', quantity: 2 }]),
      orderCancelled(rejected),
      orderCancelled(unknown, 1),
    ];
    await inventory.publish(...news);
    await inventory.handled(...news);
    expect(await reservationOf(rejected)).toMatchObject({ status: 'rejected', version: 1 });
    expect(await reservationOf(unknown)).toMatchObject({ status: 404, title: 'No such reservation' });
    expect(await inventory.told(rejected)).toHaveLength(1);
    expect(await inventory.told(unknown)).toEqual([]);
    expect(await levels('rice')).toMatchObject({ available: 1, reserved: 0, sold: 0 });
  });

  it('expires a reservation once across replicas, and sells the stock if the order is confirmed later', async () => {
    await stock({ figs: 200 });
    const ids = Array.from({ length: 120 }, () => randomUUID());
    await inventory.publish(...ids.map((id) => orderPlaced(id, [one('figs')])));
    for (const id of ids) await reaches(id, 'reserved');
    await inventory.query(
      `UPDATE reservation SET due_at = now() - interval '1 second' WHERE id = ANY ($1::uuid[])`,
      [ids],
    );

    await Promise.all(inventory.replicas.map((replica) => replica.get(ExpireReservations).execute()));

    expect(await levels('figs')).toEqual({ received: 200, available: 200, reserved: 0, sold: 0 });
    for (const id of ids) {
      expect(await inventory.told(id)).toEqual(['inventory.stock-reserved 1', 'inventory.stock-released 2']);
    }
    const [late, later] = ids as [string, string];
    await inventory.publish(orderConfirmed(late, [one('figs')]));
    await reaches(late, 'committed');
    expect(await levels('figs')).toEqual({ received: 200, available: 199, reserved: 0, sold: 1 });
    await stock({ figs: 0 });
    await inventory.publish(orderConfirmed(later, [one('figs')]));
    expect(await reaches(later, 'rejected')).toMatchObject({
      shortages: [{ sku: 'figs', requested: 1, available: 0 }],
    });
  });

  it('has every product of the catalog in its stock, without units until they are counted', async () => {
    const sku = `sku-${randomUUID()}`;
    await stock({ rice: 7 });
    const [first, again] = [productListed(sku), productListed('rice')];
    await inventory.publish(first, first, again);
    await inventory.handled(first, again);
    expect(await levels(sku)).toEqual({ received: 0, available: 0, reserved: 0, sold: 0 });
    expect(await levels('rice')).toMatchObject({ available: 7 });
  });

  it('expires reservations in a background job', async () => {
    await stock({ dates: 1 });
    const id = randomUUID();
    await inventory.publish(orderPlaced(id, [one('dates')]));
    await reaches(id, 'reserved');
    await inventory.query('UPDATE reservation SET due_at = now() WHERE id = $1', [id]);

    inventory.replicas[1]!.get(JobTrigger).trigger('expire-reservations');

    await reaches(id, 'expired');
  });

  it('ignores late events, and duplicates with the same or another id', async () => {
    await stock({ jam: 10 });
    const [id, lines] = [randomUUID(), [one('jam')]];
    const first = orderPlaced(id, lines);
    const last = orderConfirmed(id, lines);
    await inventory.publish(
      first,
      first,
      orderPlaced(id, lines),
      orderPlaced(id, [{ sku: 'jam', quantity: 5 }]),
    );
    await inventory.publish(
      first,
      orderCancelled(id),
      orderCancelled(id),
      orderConfirmed(id, lines),
      orderPlaced(id, lines),
      last,
    );
    await inventory.handled(last);
    expect(await reservationOf(id)).toMatchObject({ status: 'released', lines, version: 2 });
    expect(await inventory.told(id)).toEqual(['inventory.stock-reserved 1', 'inventory.stock-released 2']);
    expect(await levels('jam')).toMatchObject({ available: 10, reserved: 0, sold: 0 });
  });

  it('never oversells, however many concurrent orders two replicas handle', async () => {
    await stock({ mug: 5, spoon: 100 });
    const outcomes = await rush(40, [one('spoon'), one('mug')]);
    expect(outcomes.filter((status) => status === 'reserved')).toHaveLength(5);
    expect(outcomes.filter((status) => status === 'rejected')).toHaveLength(35);
    expect(await levels('mug')).toEqual({ received: 5, available: 0, reserved: 5, sold: 0 });
    expect(await levels('spoon')).toMatchObject({ available: 95, reserved: 5 });
  });

  it('creates one reservation for an order that two replicas handle concurrently', async () => {
    await stock({ lamp: 9 });
    const orderId = randomUUID();
    // Like the consumer: in a unit of work with announced ids.
    const consume = (replica: (typeof inventory.replicas)[number]) => {
      const unitOfWork = replica.get(UnitOfWork);
      return unitOfWork.run(async () => {
        unitOfWork.announce([orderId]);
        await replica.get(ReserveStock).execute({ orderId, lines: [one('lamp')] });
      });
    };
    await Promise.all(Array.from({ length: 8 }, (_, index) => consume(inventory.replicas[index % 2]!)));
    expect(await inventory.told(orderId)).toEqual(['inventory.stock-reserved 1']);
    expect(await levels('lamp')).toMatchObject({ available: 8, reserved: 1 });
  });

  it('accounts for every unit when two replicas handle batches of orders for the same SKUs', async () => {
    const skus = Array.from({ length: 12 }, (_, index) => `crate-${index}`);
    await stock(Object.fromEntries(skus.map((sku) => [sku, 40])));
    const orders = Array.from({ length: 300 }, (_, index) => ({
      id: randomUUID(),
      // In varying order, so that batches lock the same rows from both ends.
      lines: [
        one(skus[index % 12]!),
        one(skus[(index * 5 + 3) % 12]!),
        one(skus[(index * 7 + 6) % 12]!),
      ].filter((line, at, all) => all.findIndex((other) => other.sku === line.sku) === at),
    }));
    const news = orders.flatMap(({ id, lines }, index) => [
      orderPlaced(id, lines),
      ...(index % 3 === 0 ? [orderConfirmed(id, lines)] : []),
      ...(index % 5 === 0 ? [orderCancelled(id, 4)] : []),
    ]);
    await inventory.publish(...news);
    const ids = orders.map(({ id }) => id);
    await inventory.handled(...news);
    const counts: { status: string; count: number }[] = await inventory.query(
      'SELECT status, count(*)::integer AS count FROM reservation WHERE id = ANY ($1::uuid[]) GROUP BY status',
      [ids],
    );
    const count = Object.fromEntries(counts.map((row) => [row.status, row.count]));
    expect(Object.values(count).reduce((sum, each) => sum + each, 0)).toBe(300);
    expect(Object.keys(count).sort()).toEqual(['committed', 'rejected', 'released', 'reserved']);
  });

  it('serializes two batches that lock the same SKUs in opposite order, so neither deadlocks', async () => {
    await stock({ left: 9, right: 9 });
    let [started, firstHeld] = [0, 0];
    const batch = (replica: Replica, skus: readonly string[]) =>
      replica.get(UnitOfWork).run(async () => {
        started++;
        for (const [index, sku] of skus.entries()) {
          await replica.get(ReserveStock).execute({ orderId: randomUUID(), lines: [one(sku)] });
          if (index > 0) continue;
          firstHeld++;
          // Continues only after the other batch has reserved its first order or waits for this one.
          await eventually(async () => firstHeld === 2 || (await inventory.waitingForLocks()) > 0);
        }
      });
    const [first, second] = inventory.replicas as [Replica, Replica];
    await Promise.all([batch(first, ['left', 'right']), batch(second, ['right', 'left'])]);
    expect(started).toBe(2);
    expect(await levels('left')).toMatchObject({ available: 7, reserved: 2 });
    expect(await levels('right')).toMatchObject({ available: 7, reserved: 2 });
  });

  it('accepts new counts while orders arrive, and keeps reservations', async () => {
    await stock({ nail: 50 });
    const counting = Array.from({ length: 10 }, () =>
      inventory.send('PUT', '/stock/nail', { available: 50 }),
    );
    const [outcomes, ...answers] = await Promise.all([rush(20, [one('nail')]), ...counting]);
    expect(answers.map((answer) => answer.statusCode)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(outcomes).toEqual(Array.from({ length: 20 }, () => 'reserved'));
    const { received, available, reserved } = await levels('nail');
    expect(reserved).toBe(20);
    expect(received).toBe(available + 20);
  });

  it('sets the first count of a SKU once, even if two replicas receive it concurrently', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        inventory.replicas[index % 2]!.inject({
          method: 'PUT',
          url: '/stock/novelty',
          payload: { available: 3 },
        }),
      ),
    );
    for (const answer of answers) {
      expect(answer.json()).toEqual({ sku: 'novelty', received: 3, available: 3, reserved: 0, sold: 0 });
    }
  });

  it('has a table whose constraints prevent losing or inventing units', async () => {
    await stock({ gold: 3 });
    const update = (set: string) =>
      inventory.query(`UPDATE stock SET ${set} WHERE sku = 'gold'`).then(
        () => 'updated',
        (error: Error) => error.message,
      );
    expect(await update('available = available - 1')).toContain('stock_adds_up');
    expect(await update('available = available - 4, reserved = reserved + 4')).toContain(
      'stock_available_check',
    );
    expect(await update('sold = sold + 1')).toContain('stock_adds_up');
    expect(await update('available = available + 1, sold = sold - 1')).toContain('stock_sold_check');
  });

  it('lists stock by SKU, page by page', async () => {
    await stock({ 'zz-a': 1, 'zz-b': 2, 'zz-c': 3, zz_d: 4, 'zz.e': 5 });
    const first = (await inventory.send('GET', '/stock?limit=3&cursor=zz')).json();
    const rest = (await inventory.send('GET', `/stock?limit=3&cursor=${first.nextCursor}`)).json();
    const listed = [...first.items, ...rest.items].map((item: { sku: string }) => item.sku);
    expect(listed).toEqual(['zz-a', 'zz-b', 'zz-c', 'zz.e', 'zz_d']);
    expect(rest.nextCursor).toBeUndefined();
  });

  it('sets 5,000 SKUs in one request', async () => {
    const skus = Array.from({ length: 5_000 }, (_, index) => `bulk-${index}`);
    await stock(Object.fromEntries(skus.map((sku, index) => [sku, index])));
    await stock(Object.fromEntries(skus.map((sku) => [sku, 7])));
    expect(await levels('bulk-4999')).toMatchObject({ available: 7, received: 7 });
    expect(await levels('bulk-0')).toMatchObject({ available: 7, received: 7 });
  });

  describe('refuses', () => {
    const milk = { sku: 'milk', available: 1 };
    const many = Array.from({ length: 5_001 }, (_, index) => ({ sku: `s-${index}`, available: 1 }));
    it.each<[string, string, object, string, string]>([
      ['no items', '/stock', { items: [] }, '/items', '>=1 items'],
      ['too many items', '/stock', { items: many }, '/items', '<=5000 items'],
      [
        'one SKU twice',
        '/stock',
        { items: [milk, { sku: 'tea', available: 1 }, milk] },
        '/items/2/sku',
        'twice',
      ],
      ['a negative count', '/stock', { items: [{ ...milk, available: -1 }] }, '/items/0/available', '>=0'],
      ['half a unit', '/stock', { items: [{ ...milk, available: 0.5 }] }, '/items/0/available', 'int'],
      [
        'a huge count',
        '/stock',
        { items: [{ ...milk, available: 1e12 }] },
        '/items/0/available',
        '<=1000000000',
      ],
      ['a count as text', '/stock', { items: [{ ...milk, available: '1' }] }, '/items/0/available', 'number'],
      ['an invalid SKU', '/stock', { items: [{ ...milk, sku: 'Oat milk' }] }, '/items/0/sku', 'A SKU has'],
      ['a body without items', '/stock', { milk: 1 }, '/items', 'array'],
      ['no count for one SKU', '/stock/milk', {}, '/available', 'number'],
    ])('%s, naming the field, and sets nothing', async (_, url, body, pointer, detail) => {
      await stock({ milk: 8, tea: 8 });
      const answer = await inventory.send('PUT', url, body);
      expect(answer.statusCode).toBe(400);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.json().errors).toContainEqual({ pointer, detail: expect.stringContaining(detail) });
      expect(await levels('milk')).toMatchObject({ available: 8 });
      expect(await levels('tea')).toMatchObject({ available: 8 });
    });

    it('invalid paths and queries, naming the parameter', async () => {
      const error = async (method: 'GET' | 'PUT', url: string, body?: object) => {
        const answer = await inventory.send(method, url, body);
        expect(answer.statusCode).toBe(400);
        return answer.json<{ errors: unknown[] }>().errors[0];
      };
      expect(await error('PUT', '/stock/MILK', { available: 1 })).toMatchObject({
        in: 'path',
        pointer: '/sku',
      });
      expect(await error('GET', '/stock/%00')).toMatchObject({ in: 'path', pointer: '/sku' });
      expect(await error('GET', '/stock?limit=0')).toMatchObject({ in: 'query', pointer: '/limit' });
      expect(await error('GET', '/stock?cursor=M')).toMatchObject({ in: 'query', pointer: '/cursor' });
      expect(await error('GET', '/reservations/7')).toMatchObject({ in: 'path', pointer: '/orderId' });
    });

    it('missing resources, and says what to do', async () => {
      const sku = await inventory.send('GET', '/stock/never-seen');
      expect(sku.statusCode).toBe(404);
      expect(sku.json().detail).toContain('PUT /stock/never-seen');
      expect((await inventory.send('GET', `/reservations/${randomUUID()}`)).statusCode).toBe(404);
    });

    it('invalid JSON, other content types and oversized bodies', async () => {
      const raw = async (payload: string, type: string) =>
        (
          await inventory.inject({
            method: 'PUT',
            url: '/stock',
            payload,
            headers: { 'content-type': type },
          })
        ).statusCode;
      expect(await raw('{"items":', 'application/json')).toBe(400);
      expect(await raw('items=1', 'application/x-www-form-urlencoded')).toBe(415);
      expect(await raw(JSON.stringify({ x: 'y'.repeat(1_100_000) }), 'application/json')).toBe(413);
    });
  });
});
