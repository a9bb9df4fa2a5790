import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo } from 'node:net';
import { eventually } from '@atlas/testing';
import { AtlasClient, type NewOrder, RefusedError, UnavailableError } from './client';

const wish: NewOrder = {
  customerId: 'ada',
  lines: [{ sku: 'soda', quantity: 2 }],
  paymentToken: 'tok_approve',
};
const placed = {
  id: '0190a8c0-0000-7000-8000-000000000001',
  status: 'placed',
  total: { minorUnits: 398, currency: 'EUR' },
  placedAt: '2026-01-01T10:00:00.000Z',
  history: [{ status: 'placed', at: '2026-01-01T10:00:00.000Z' }],
};

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const json =
  (status: number, body: unknown): Answer =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/** A server that gives these answers, one after the other, and the last one for ever. */
class ScriptedServer {
  readonly requests: { url: string; key: string | undefined; body: string }[] = [];
  private server: Server | undefined;
  private port = 0;

  constructor(private readonly answers: readonly Answer[]) {}

  get urls() {
    const url = `http://127.0.0.1:${this.port}`;
    return { orders: url, inventory: url, payments: url };
  }

  async start(): Promise<void> {
    const listener: RequestListener = (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const answer = this.answers[Math.min(this.requests.length, this.answers.length - 1)];
        const key = request.headers['idempotency-key'];
        this.requests.push({
          url: `${request.method} ${request.url}`,
          key: Array.isArray(key) ? key.join() : key,
          body: Buffer.concat(chunks).toString(),
        });
        answer?.(request, response);
      });
    };
    const server = createServer(listener);
    await new Promise<void>((done) => server.listen(this.port, '127.0.0.1', done));
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }

  connections(): Promise<number> {
    return new Promise((done) => this.server?.getConnections((_, count) => done(count)));
  }

  async stop(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    if (!server) return;
    const closed = new Promise((done) => server.close(done));
    server.closeAllConnections();
    await closed;
  }
}

describe('A client of the services', () => {
  let server: ScriptedServer;
  let client: AtlasClient;
  const serve = async (...answers: readonly Answer[]) => {
    server = new ScriptedServer(answers);
    await server.start();
    client = new AtlasClient(server.urls);
  };
  afterEach(async () => {
    await client.close();
    await server.stop();
  });

  it('asks again, for the same order, while a service is down, busy with it or hangs up', async () => {
    await serve(
      json(503, { title: 'Service Unavailable' }),
      (request) => request.socket.destroy(),
      (_, response) =>
        response.writeHead(201, { 'content-length': '500' }).end('{"id":', () => response.socket?.destroy()),
      json(409, { title: 'Conflict', detail: 'The first request with this key is still running.' }),
      json(201, placed),
    );
    const order = await client.placeOrder(wish, 'run-7');
    expect(order).toMatchObject({ id: placed.id, status: 'placed', placedAt: new Date(placed.placedAt) });
    expect(server.requests).toHaveLength(5);
    expect(new Set(server.requests.map(({ url, key, body }) => `${url} ${key} ${body}`))).toEqual(
      new Set([`POST /orders run-7 ${JSON.stringify(wish)}`]),
    );
    expect(Object.fromEntries(client.retried)).toEqual({ 503: 1, UND_ERR_SOCKET: 2, 409: 1 });
  });

  it('waits for a service that restarts', async () => {
    await serve(json(200, placed));
    await client.order(placed.id);
    await server.stop();
    const pending = client.order(placed.id);
    await server.start();
    expect(await pending).toMatchObject({ id: placed.id });
    expect(client.retried.get('ECONNREFUSED')).toBeGreaterThan(0);
  });

  it('ends a connection that it does not use, long before a service that stops would', async () => {
    await serve((_, response) => {
      response.setHeader('keep-alive', 'timeout=72');
      json(200, placed)(_, response);
    });
    await client.order(placed.id);
    await eventually(async () => (await server.connections()) === 0, 4_500);
  });

  it('does not ask again what was refused, and tells the reasons', async () => {
    await serve(
      json(422, {
        title: 'Unknown SKU',
        detail: 'The price book has no price for some lines.',
        errors: [{ pointer: '/lines/0/sku', detail: '"soda" has no price' }],
      }),
    );
    const refused = await client.placeOrder(wish, 'run-8').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RefusedError);
    expect(refused).toMatchObject({
      status: 422,
      message:
        `orders (POST ${server.urls.orders}/orders) answered 422: ` +
        'The price book has no price for some lines.; /lines/0/sku: "soda" has no price',
    });
    expect(server.requests).toHaveLength(1);
  });

  it('gives up after its patience and says who gave no answer', async () => {
    await serve(json(200, {}));
    await server.stop();
    await client.close();
    client = new AtlasClient(server.urls, { patienceMs: 200 });
    const failure = await client.stock('soda').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UnavailableError);
    expect((failure as Error).message).toMatch(
      /^inventory \(GET .*\/stock\/soda\) gave no answer: .*ECONNREFUSED/,
    );
  });

  it('writes prices and stock in bulks that the services take', async () => {
    await serve(json(200, {}));
    await client.setStock(Array.from({ length: 2_500 }, (_, n) => ({ sku: `sku-${n}`, available: n })));
    const sizes = server.requests.map(({ body }) => (JSON.parse(body) as { items: unknown[] }).items.length);
    expect(sizes).toEqual([1_000, 1_000, 500]);
  });

  it('follows the pages of a list to its end', async () => {
    const second = { ...placed, id: '0190a8c0-0000-7000-8000-000000000002' };
    await serve(json(200, { orders: [second], nextCursor: second.id }), json(200, { orders: [placed] }));
    const ids: string[] = [];
    for await (const { id } of client.ordersOf('ada', 'placed')) ids.push(id);
    expect(ids).toEqual([second.id, placed.id]);
    expect(server.requests.map(({ url }) => url)).toEqual([
      'GET /orders?customerId=ada&limit=500&status=placed',
      `GET /orders?customerId=ada&limit=500&status=placed&cursor=${second.id}`,
    ]);
  });

  it('says so when an answer is none that it knows', async () => {
    await serve(json(200, { id: 7 }));
    await expect(client.order('x')).rejects.toThrow(
      /answered what this version of atlas does not understand$/,
    );
  });
});
