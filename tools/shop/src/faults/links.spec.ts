import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Links } from './links';

/** Answers every piece of data with itself. */
async function startEcho(open: Set<Socket>): Promise<Server> {
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

describe('A link between two processes', () => {
  let echo: Server;
  let links: Links;
  let port: number;
  let clients: Socket[];
  /** The echo's ends of the connections. */
  let ends: Set<Socket>;

  beforeEach(async () => {
    ends = new Set();
    echo = await startEcho(ends);
    links = new Links();
    clients = [];
    const target = { host: '127.0.0.1', port: (echo.address() as AddressInfo).port };
    port = await links.open(target, () => 'a→b');
  });
  afterEach(async () => {
    for (const client of clients) client.destroy();
    await links.close();
    echo.close();
  });

  function dial(): Socket {
    const client = connect(port, '127.0.0.1');
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  }

  async function answerTo(client: Socket, text: string): Promise<string> {
    client.write(text);
    const [data] = (await once(client, 'data')) as [Buffer];
    return data.toString();
  }

  /** `once` would throw for a connection that is reset. */
  const closed = (client: Socket) => new Promise<void>((done) => client.once('close', () => done()));

  /** Whether something arrives within a moment. */
  const isSilent = async (client: Socket): Promise<boolean> =>
    Promise.race([once(client, 'data').then(() => false), sleep(100).then(() => true)]);

  it('passes everything on, and the end of a connection', async () => {
    const client = dial();
    expect(await answerTo(client, 'hello')).toBe('hello');
    client.end();
    await closed(client);
  });

  it('that refuses resets what is open, and new connections, until it is mended', async () => {
    const client = dial();
    await answerTo(client, 'hello');
    links.set(['a→b'], { refuse: true });
    await closed(client);
    await closed(dial());
    links.set(['a→b'], {});
    expect(await answerTo(dial(), 'again')).toBe('again');
  });

  it.each([
    ['both', ['there', 'back']],
    ['there', ['there']],
    ['back', ['back']],
  ] as const)('that holds %s is silent, and late once it is mended', async (_, hold) => {
    const client = dial();
    await answerTo(client, 'hello');
    links.set(['a→b'], { hold });
    client.write('late');
    expect(await isSilent(client)).toBe(true);
    const arriving = once(client, 'data') as Promise<[Buffer]>;
    links.set(['a→b'], {});
    expect((await arriving)[0].toString()).toBe('late');
  });

  it('that holds hides that the other side has gone', async () => {
    const client = dial();
    await answerTo(client, 'hello');
    links.set(['a→b'], { hold: ['there', 'back'] });
    const gone = closed(client);
    for (const end of ends) end.destroy();
    expect(await Promise.race([gone.then(() => 'closed'), sleep(100).then(() => 'open')])).toBe('open');
    links.set(['a→b'], {});
    await gone;
  });

  it('that delays is slow', async () => {
    const client = dial();
    await answerTo(client, 'hello');
    links.set(['a→b'], { delayMs: 60 });
    const begin = performance.now();
    await answerTo(client, 'slow');
    expect(performance.now() - begin).toBeGreaterThanOrEqual(110);
  });

  it('fails alone', async () => {
    const target = { host: '127.0.0.1', port: (echo.address() as AddressInfo).port };
    const other = await links.open(target, () => 'c→b');
    links.set(['a→b'], { refuse: true });
    const client = connect(other, '127.0.0.1');
    clients.push(client);
    expect(await answerTo(client, 'hello')).toBe('hello');
  });
});
