import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AtlasClient, type NewOrder } from '../client';
import { load, type LoadOptions } from './load';

/** The edge of a shop, in one process and in memory, that settles at once and can lose answers or refuse. */
class Shop {
  readonly prices = new Map<string, number>();
  readonly available = new Map<string, number>();
  readonly placed: { id: string; key: string; order: NewOrder }[] = [];
  /** Takes the order and hangs up, the first time it is asked for. */
  losesAnswerOf: (order: NewOrder) => boolean = () => false;
  refuses: (order: NewOrder) => boolean = () => false;
  /** Leaves the order out of its lists. */
  forgets: (order: NewOrder) => boolean = () => false;
  private readonly lost = new Set<string>();
  private readonly server = createServer((request, response) => void this.serve(request, response));

  async open() {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return { orders: url, inventory: url, payments: url, catalog: url };
  }

  async close(): Promise<void> {
    const closed = new Promise((done) => this.server.close(done));
    this.server.closeAllConnections();
    await closed;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse((await text(request)) || '{}') as never;
    const reply = (status: number, answer: unknown) => response.writeHead(status).end(JSON.stringify(answer));
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://shop');
    switch (`${request.method} ${pathname}`) {
      case 'PUT /categories/groceries':
        return void reply(201, {});
      case 'GET /price-book':
        return void reply(200, {
          entries: [...this.prices].map(([sku, minorUnits]) => ({
            sku,
            unitPrice: { minorUnits, currency: 'EUR' },
          })),
        });
      case 'PUT /stock': {
        const { items } = body as { items: { sku: string; available: number }[] };
        for (const { sku, available } of items) this.available.set(sku, available);
        return void reply(200, {});
      }
      case 'GET /stock':
        return void reply(200, {
          items: [...this.available].map(([sku, available]) => ({ sku, available, reserved: 0, sold: 0 })),
        });
      case 'POST /orders': {
        const order = body as NewOrder;
        if (this.refuses(order)) return void reply(422, { title: 'Refused', detail: 'Not today.' });
        const key = String(request.headers['idempotency-key']);
        let known = this.placed.find((candidate) => candidate.key === key);
        if (!known) this.placed.push((known = { id: randomUUID(), key, order }));
        if (this.losesAnswerOf(order) && !this.lost.has(key)) {
          this.lost.add(key);
          return void request.socket.destroy();
        }
        return void reply(201, this.show(known));
      }
      case 'GET /orders':
        return void reply(200, {
          orders: searchParams.has('status')
            ? []
            : this.placed
                .filter(
                  ({ order }) => order.customerId === searchParams.get('customerId') && !this.forgets(order),
                )
                .map((order) => this.show(order)),
        });
      default: {
        const sku = /^\/products\/(.*)$/.exec(pathname)?.[1];
        if (sku !== undefined) {
          const { price } = body as { price: { minorUnits: number } };
          this.prices.set(sku, price.minorUnits);
          return void reply(201, {});
        }
        const known = this.placed.find(({ id }) => pathname === `/orders/${id}`);
        return void reply(known ? 200 : 404, known ? this.show(known) : {});
      }
    }
  }

  private show({ id, order }: { id: string; order: NewOrder }) {
    const at = new Date(0).toISOString();
    const declined = order.paymentToken === 'tok_decline';
    return {
      id,
      status: declined ? 'cancelled' : 'confirmed',
      ...(declined && { reason: 'payment-declined' }),
      total: { minorUnits: 1, currency: 'EUR' },
      placedAt: at,
      settledAt: new Date(40).toISOString(),
      history: [{ status: 'placed', at }],
    };
  }
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

describe('Loading a file', () => {
  let folder: string;
  let shop: Shop;
  let client: AtlasClient;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'load-'));
    shop = new Shop();
    client = new AtlasClient(await shop.open());
  });
  afterEach(async () => {
    await client.close();
    await shop.close();
    await rm(folder, { recursive: true });
  });

  async function play(csv: string, options: Partial<LoadOptions> = {}) {
    const file = join(folder, 'baskets.csv');
    await writeFile(file, csv);
    const defaults = { file, concurrency: 4, stockRatio: 1, declineRate: 0 };
    return load(client, { ...defaults, ...options }, { update: () => {} });
  }

  it('places one order for each basket and counts how they ended', async () => {
    const result = await play('milk,bread,milk\nsoda\n\n"never closed\nmilk');
    expect(result).toMatchObject({
      lines: 5,
      placed: 3,
      confirmed: 3,
      cancelled: {},
      retried: {},
      ordersPerSecond: 75, // three in the 40 ms that this shop takes
      settledAfterMs: { p50: 40, p95: 40, p99: 40 },
      skipped: {
        count: 2,
        first: [
          { line: 3, reason: 'is empty' },
          { line: 4, reason: 'opens a quote and does not close it' },
        ],
      },
    });
    const ordered = shop.placed.map(({ order }) =>
      order.lines.map(({ sku, quantity }) => `${quantity} ${sku}`).join(),
    );
    expect(ordered.sort()).toEqual(['1 milk', '1 soda', '2 milk,1 bread']);
  });

  it('places no second order for a basket whose answer was lost', async () => {
    shop.losesAnswerOf = ({ lines }) => lines[0]?.sku === 'soda';
    const result = await play('milk\nsoda\nsoda\nbread\n');
    expect(result).toMatchObject({ placed: 4, retried: { UND_ERR_SOCKET: 2 } });
    expect(shop.placed).toHaveLength(4);
  });

  it('prices every item and stocks what the baskets ask for, times the ratio, on top of what is there', async () => {
    shop.available.set('milk', 10);
    await play('milk,soda\nmilk,milk', { stockRatio: 0.5 });
    expect(Object.fromEntries(shop.available)).toEqual({ milk: 12, soda: 1 });
    expect([...shop.prices.keys()].sort()).toEqual(['milk', 'soda']);
    const before = new Map(shop.prices);
    await play('soda,milk');
    expect(shop.prices).toEqual(before);
  });

  it('declines the cards of the share that was asked for', async () => {
    const csv = 'milk\n'.repeat(200);
    const none = await play(csv, { declineRate: 0 });
    const all = await play(csv, { declineRate: 1 });
    const some = await play(csv, { declineRate: 0.3 });
    const again = await play(csv, { declineRate: 0.3 });
    expect([none.cancelled, all.cancelled]).toEqual([{}, { 'payment-declined': 200 }]);
    expect(some.cancelled['payment-declined']).toBeGreaterThan(20);
    expect(some.cancelled['payment-declined']).toBeLessThan(120);
    expect(again.cancelled).toEqual(some.cancelled);
  });

  it('stops after the limit', async () => {
    const result = await play('milk\n\nsoda\nbread\nbeer\n', { limit: 2 });
    expect(result).toMatchObject({ lines: 3, placed: 2, skipped: { count: 1 } });
  });

  it('continues after an order that was refused, and names its line', async () => {
    shop.refuses = ({ lines }) => lines[0]?.sku === 'soda';
    const result = await play('milk\nsoda\nbread\n');
    expect(result).toMatchObject({ placed: 2, skipped: { count: 1, first: [{ line: 2 }] } });
    expect(result.skipped.first[0]?.reason).toMatch(/^was refused: orders .* answered 422: Not today\.$/);
  });

  it('fails when a service loses an order', async () => {
    shop.forgets = ({ lines }) => lines[0]?.sku === 'soda';
    await expect(play('milk\nsoda\n')).rejects.toThrow(
      /^2 orders were placed, but orders lists 1 settled ones of load-/,
    );
  });

  it('refuses a file without any basket, with a sentence', async () => {
    await expect(play('\n,,\n')).rejects.toThrow(/baskets\.csv has no basket: line 1 is empty\.$/);
  });
});
