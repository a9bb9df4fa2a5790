import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createTestDatabase, eventually, type TestDatabase } from '@atlas/testing';
import type { DataSource } from 'typeorm';
import { connectDatabase } from './data-source';

/** A way to the database that can stand still: connections stay open, and nothing comes through. */
class Path {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
  ) {}

  static async to(url: string): Promise<Path> {
    const path = new Path(createServer(), new URL(url));
    path.server.on('connection', (client) => {
      const upstream = connect(Number(path.target.port), path.target.hostname);
      client.pipe(upstream).pipe(client);
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        path.sockets.add(socket);
        socket.on('error', () => other.destroy()).on('close', () => other.destroy());
      }
    });
    path.server.listen(0, '127.0.0.1');
    await once(path.server, 'listening');
    return path;
  }

  get url(): string {
    const url = new URL(this.target);
    url.hostname = '127.0.0.1';
    url.port = String((this.server.address() as AddressInfo).port);
    return url.href;
  }

  /** For the connections there are: those that are made afterwards come through. */
  stall(): void {
    for (const socket of this.sockets) socket.unpipe().pause();
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

describe('A database that stands still', () => {
  let database: TestDatabase;
  let path: Path;
  let dataSource: DataSource;

  beforeEach(async () => {
    database = await createTestDatabase();
    path = await Path.to(database.url);
    dataSource = await connectDatabase({ url: path.url, poolSize: 2, statementTimeoutMs: 200 });
  });
  afterEach(async () => {
    await dataSource.destroy();
    path.close();
    await database.drop();
  });

  const ask = (): Promise<unknown> => dataSource.query('SELECT 1');

  it('holds nobody up for longer than a statement may take, and is used again by new connections', async () => {
    await Promise.all([ask(), ask()]);
    path.stall();

    const asked = await Promise.allSettled([ask(), ask()]);
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);

    await eventually(ask, 5_000);
  });

  it('ends a transaction, too', async () => {
    const stalled = dataSource.transaction(async (manager) => {
      await manager.query('SELECT 1');
      path.stall();
      await manager.query('SELECT 1');
    });
    await expect(stalled).rejects.toThrow();

    await eventually(ask, 5_000);
  });

  it('is told to give up a statement that takes too long', async () => {
    await expect(dataSource.query('SELECT pg_sleep(5)')).rejects.toMatchObject({
      driverError: { code: '57014' },
    });
  });
});
