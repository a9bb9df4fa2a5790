import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createTestDatabase, eventually, freePort, type TestDatabase } from '@atlas/testing';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { connectDatabase } from './data-source';
import { migrateDatabase } from './migrate';
import { DatabaseSetupError } from './setup-error';

/** PostgreSQL's answer to a connection while it starts: cannot_connect_now. */
function startingUp(): Buffer {
  const fields = Buffer.from('SFATAL\0C57P03\0Mthe database system is starting up\0\0');
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

/** Stands before the server at `url`; until it is ready, it answers as a server does that is starting. */
class StartingServer {
  isReady = false;
  private readonly server = createServer((client) => this.accept(client));

  constructor(private readonly target: URL) {}

  async listen(port: number): Promise<void> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  close(): void {
    this.server.close();
  }

  private accept(client: Socket): void {
    client.on('error', () => undefined);
    if (!this.isReady) {
      client.once('data', () => client.end(startingUp()));
      return;
    }
    const upstream = connect(Number(this.target.port), this.target.hostname);
    upstream.on('error', () => client.destroy());
    client.pipe(upstream).pipe(client);
  }
}

class Late1795737750000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE late (id integer)');
  }

  async down(): Promise<void> {}
}

class Broken1795737800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE half (id integer)');
    await runner.query('ALTER TABLE nowhere ADD COLUMN id integer');
  }

  async down(): Promise<void> {}
}

describe('Connecting to a database', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(() => database.drop());

  const altered = (change: (url: URL) => void): string => {
    const url = new URL(database.url);
    change(url);
    return url.href;
  };
  const refusal = async (options: Parameters<typeof connectDatabase>[0]): Promise<string> => {
    const retried: unknown[] = [];
    const error = await connectDatabase({ ...options, onRetry: (each) => retried.push(each) }).then(
      (dataSource) => dataSource.destroy(),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DatabaseSetupError);
    expect(retried).toEqual([]);
    return (error as Error).message;
  };

  it('migrates it once even if several replicas start at the same time', async () => {
    const replicas = await Promise.all([1, 2, 3].map(() => connectDatabase({ url: database.url })));
    const rows: { name: string; times: number }[] = await replicas[0]!.query(
      'SELECT name, count(*)::integer AS times FROM migrations GROUP BY name',
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.every(({ times }) => times === 1)).toBe(true);
    for (const replica of replicas) await replica.destroy();
  });

  it('waits while the server is away, and while it starts', async () => {
    const port = await freePort();
    const reasons: string[] = [];
    const connecting = connectDatabase({
      url: altered((url) => Object.assign(url, { hostname: '127.0.0.1', port: String(port) })),
      onRetry: (error) => reasons.push(String(error)),
    });
    await eventually(() => reasons.some((reason) => reason.includes('ECONNREFUSED')));
    const server = new StartingServer(new URL(database.url));
    await server.listen(port);
    await eventually(() => reasons.some((reason) => reason.includes('starting up')));
    server.isReady = true;
    const dataSource = await connecting;

    expect(await dataSource.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);

    await dataSource.destroy();
    server.close();
  });

  it('waits, if another process is to migrate it, until the schema is no older than the code', async () => {
    await migrateDatabase({ url: database.url });
    const reasons: string[] = [];
    const connecting = connectDatabase({
      url: database.url,
      migrations: [Late1795737750000],
      migrate: 'await',
      onRetry: (error) => reasons.push(String(error)),
    });
    await eventually(() => reasons.length > 2);
    expect(reasons[0]).toMatch(/is older than this code, and waits for a job to run Late1795737750000$/);

    await migrateDatabase({ url: database.url, migrations: [Late1795737750000] });
    const dataSource = await connecting;
    expect(await dataSource.query('SELECT count(*)::integer AS rows FROM late')).toEqual([{ rows: 0 }]);
    await dataSource.destroy();
  });

  it('does not wait for what only older or newer code knows', async () => {
    await migrateDatabase({ url: database.url, migrations: [Late1795737750000] });
    await migrateDatabase({ url: database.url });
    const older = await connectDatabase({ url: database.url, migrate: 'await' });
    expect(await older.query(`SELECT to_regclass('late')::text AS late`)).toEqual([{ late: 'late' }]);
    await older.destroy();
  });

  it('waits, if another process is to make it, until it is there', async () => {
    const name = `late_${Date.now()}`;
    const url = altered((it) => (it.pathname = `/${name}`));
    const reasons: string[] = [];
    const connecting = connectDatabase({
      url,
      migrate: 'await',
      onRetry: (error) => reasons.push(String(error)),
    });
    await eventually(() => reasons.some((reason) => reason.includes(`database "${name}" does not exist`)));
    const admin = await connectDatabase({ url: database.url });
    await admin.query(`CREATE DATABASE ${name}`);
    await migrateDatabase({ url });
    await (await connecting).destroy();
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await admin.destroy();
  });

  it('gives up on a wrong password, and says what to correct', async () => {
    const url = altered((it) => (it.password = 'a-guess'));
    const message = await refusal({ url });
    expect(message).toMatch(
      /^The database [^/@]+\/test_\w+ rejects the connection: password authentication failed for user ".+"\. Correct the user and the password in DATABASE_URL\.$/,
    );
    expect(message).not.toContain('a-guess');
  });

  it('gives up on a database that does not exist', async () => {
    const url = altered((it) => (it.pathname = '/nowhere'));
    expect(await refusal({ url })).toContain(
      'database "nowhere" does not exist. Create the database, or correct its name in DATABASE_URL.',
    );
  });

  it('gives up on a broken migration, of which nothing remains', async () => {
    expect(await refusal({ url: database.url, migrations: [Broken1795737800000] })).toMatch(
      /^A migration of the database .* failed and was rolled back: relation "nowhere" does not exist\. /,
    );
    const dataSource = await connectDatabase({ url: database.url });
    expect(await dataSource.query(`SELECT to_regclass('half') AS half`)).toEqual([{ half: null }]);
    await dataSource.destroy();
  });
});
