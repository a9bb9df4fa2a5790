import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createTestDatabase, eventually, type TestDatabase } from '@atlas/testing';
import type { DataSource } from 'typeorm';
import { connectDatabase } from './data-source';

/** A proxy to the database that can hang: connections stay open, but no data passes. */
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

  /** Affects existing connections only; new ones work. */
  stall(): void {
    for (const socket of this.sockets) socket.unpipe().pause();
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

describe('A database that hangs', () => {
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

  it('blocks no caller for longer than the statement timeout, and is used again over new connections', async () => {
    await Promise.all([ask(), ask()]);
    path.stall();

    const asked = await Promise.allSettled([ask(), ask()]);
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);

    await eventually(ask, 5_000);
  });

  it('also fails a transaction', async () => {
    const stalled = dataSource.transaction(async (manager) => {
      await manager.query('SELECT 1');
      path.stall();
      await manager.query('SELECT 1');
    });
    await expect(stalled).rejects.toThrow();

    await eventually(ask, 5_000);
  });

  it('cancels a statement that takes too long', async () => {
    await expect(dataSource.query('SELECT pg_sleep(5)')).rejects.toMatchObject({
      driverError: { code: '57014' },
    });
  });
});
