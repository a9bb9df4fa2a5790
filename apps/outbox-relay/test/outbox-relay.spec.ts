import { randomUUID } from 'node:crypto';
import { EmbeddedEventLog } from '@atlas/adapters/embedded';
import { connectDatabase } from '@atlas/adapters/postgres';
import type { ConsumedRecord } from '@atlas/ports';
import { createTestDatabase, eventually, type TestDatabase } from '@atlas/testing';
import { Client } from 'pg';
import { RelayBuild, type RelayProcess } from './relay-process';

const TOPIC = 'orders.events';
const KILLS = Number(process.env['RELAY_KILLS'] ?? 10);

describe('The relay as a process', () => {
  let build: RelayBuild;
  let database: TestDatabase;
  let logDatabase: TestDatabase;
  let log: EmbeddedEventLog;
  let onlooker: Client;
  let relays: RelayProcess[];

  beforeAll(async () => {
    build = await RelayBuild.make();
  });
  afterAll(() => build.remove());

  beforeEach(async () => {
    relays = [];
    [database, logDatabase] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    log = await EmbeddedEventLog.open(logDatabase.url);
    onlooker = await connect();
  });
  afterEach(async () => {
    await Promise.all(relays.map((relay) => relay.end()));
    await onlooker.end();
    await log.close();
    await Promise.all([database.drop(), logDatabase.drop()]);
  });

  async function connect(): Promise<Client> {
    const client = new Client({ connectionString: database.url });
    await client.connect();
    return client;
  }

  /** What the service of the outbox does when it starts. */
  async function prepareDatabase(): Promise<void> {
    await (await connectDatabase({ url: database.url })).destroy();
    await onlooker.query(`
      CREATE TABLE aggregate (id text PRIMARY KEY, version integer NOT NULL DEFAULT 0);
      INSERT INTO aggregate (id) SELECT 'order-' || n FROM generate_series(0, 9) AS n`);
  }

  function startRelay(env: Readonly<Record<string, string>> = {}): RelayProcess {
    const relay = build.start({ DATABASE_URL: database.url, EVENT_LOG_URL: logDatabase.url, ...env });
    relays.push(relay);
    return relay;
  }

  /** Writes an event of each of the aggregates in one transaction, which takes their locks in turn. */
  async function change(client: Client, end: 'COMMIT' | 'ROLLBACK', ...aggregates: number[]): Promise<void> {
    await client.query('BEGIN');
    for (const aggregate of [...aggregates].sort()) {
      const id = `order-${aggregate}`;
      const { rows } = await client.query<{ version: number }>(
        'UPDATE aggregate SET version = version + 1 WHERE id = $1 RETURNING version',
        [id],
      );
      const headers = JSON.stringify({ ce_id: randomUUID(), version: String(rows[0]?.version) });
      await client.query(
        `INSERT INTO outbox (event_id, topic, aggregate_id, aggregate_version, headers, payload)
         VALUES (($1::jsonb ->> 'ce_id')::uuid, $2, $3, ($1::jsonb ->> 'version')::integer, $1, '{}')`,
        [headers, TOPIC, id],
      );
    }
    // Its other work, while which the locks are held.
    await client.query('SELECT pg_sleep(0.005)');
    await client.query(end);
  }

  /** Several writers that compete for the same few aggregates, until they are stopped. */
  function startLoad(): () => Promise<void> {
    let isRunning = true;
    const pick = () => Math.floor(Math.random() * 10);
    const writers = Array.from({ length: 4 }, async () => {
      const client = await connect();
      while (isRunning) {
        const aggregates = new Set(Array.from({ length: 1 + Math.floor(Math.random() * 3) }, pick));
        await change(client, Math.random() < 0.2 ? 'ROLLBACK' : 'COMMIT', ...aggregates);
      }
      await client.end();
    });
    return async () => {
      isRunning = false;
      await Promise.all(writers);
    };
  }

  async function recordsOnLog(): Promise<number> {
    const partitions = await log.describe();
    return partitions.reduce((sum, { end }) => sum + end, 0);
  }

  async function rowsInOutbox(): Promise<number> {
    const { rows } = await onlooker.query<{ count: number }>('SELECT count(*)::integer AS count FROM outbox');
    return rows[0]?.count ?? 0;
  }

  const allIsPublished = () => eventually(async () => (await recordsOnLog()) >= (await rowsInOutbox()));

  async function expectEachEventOnceAndInOrder(): Promise<void> {
    const records: ConsumedRecord[] = [];
    for (const { topic, partition } of await log.describe()) {
      for await (const record of log.read(topic, partition)) records.push(record);
    }
    const { rows } = await onlooker.query<{ event_id: string }>('SELECT event_id FROM outbox');
    expect(records.map((record) => record.headers['ce_id']).sort()).toEqual(
      rows.map((row) => row.event_id).sort(),
    );
    const versions = new Map<string | null, number>();
    for (const { key, headers } of records) {
      const expected = (versions.get(key) ?? 0) + 1;
      expect(`${key} ${headers['version']}`).toBe(`${key} ${expected}`);
      versions.set(key, expected);
    }
  }

  it('publishes what is committed, as it is committed, and tells how far it is', async () => {
    await prepareDatabase();
    const relay = startRelay();
    await change(onlooker, 'COMMIT', 1, 2);
    await change(onlooker, 'ROLLBACK', 1, 2);
    await allIsPublished();
    await change(onlooker, 'COMMIT', 2);
    await allIsPublished();
    await expectEachEventOnceAndInOrder();

    const { body } = await eventually(async () => {
      const answer = await relay.get('/relay');
      return answer.body['published'] === 3 && answer;
    });
    expect(body).toMatchObject({
      service: 'orders',
      role: 'owner',
      backlog: { rows: 0, oldestAgeMs: 0 },
      published: 3,
      failures: 0,
      failure: null,
    });
    expect(await relay.get('/health/ready')).toMatchObject({
      status: 200,
      body: { status: 'ok', details: { relay: { status: 'up', role: 'owner', rows: 0 } } },
    });
  });

  it('starts before its service has made the outbox, and says what it waits for', async () => {
    const relay = startRelay();
    const { body } = await eventually(async () => {
      const answer = await relay.get('/health/ready');
      return answer.body['status'] === 'degraded' && answer;
    });
    expect(body).toMatchObject({
      details: {
        relay: {
          status: 'degraded',
          role: 'standby',
          message: 'There is no outbox yet: its service makes the table when it starts',
        },
      },
    });
    await prepareDatabase();
    await change(onlooker, 'COMMIT', 1);
    await allIsPublished();
    expect(relay.output.match(/There is no outbox yet/g)).toHaveLength(1);
  });

  it(`leaves neither gap nor duplicate when it is killed ${KILLS} times while it publishes`, async () => {
    await prepareDatabase();
    const stopLoad = startLoad();
    const batch = () => ({ RELAY_BATCH_ROWS: String(1 + Math.floor(Math.random() * 50)) });
    let owner = startRelay(batch());
    for (let kill = 0; kill < KILLS; kill++) {
      const standby = startRelay(batch());
      await standby.url();
      const before = await recordsOnLog();
      const more = 1 + Math.floor(Math.random() * 100);
      await eventually(async () => (await recordsOnLog()) >= before + more);
      await owner.end();
      owner = standby;
    }
    await stopLoad();
    await allIsPublished();
    await expectEachEventOnceAndInOrder();
  }, 300_000);

  it('leaves neither gap nor duplicate when a paused owner wakes up after another has taken over', async () => {
    await prepareDatabase();
    const [first, second] = [startRelay(), startRelay()];
    const isOwner = async (relay: RelayProcess) => (await relay.get('/relay')).body['role'] === 'owner';
    const owner = await eventually(async () =>
      (await isOwner(first)) ? first : (await isOwner(second)) && second,
    );
    const standby = owner === first ? second : first;
    const stopLoad = startLoad();
    for (
      let turn = 0, [active, other] = [owner, standby];
      turn < 3;
      turn++, [active, other] = [other, active]
    ) {
      const before = await recordsOnLog();
      await eventually(async () => (await recordsOnLog()) > before);
      active.kill('SIGSTOP');
      // What the server does by itself when it has heard nothing of the owner for its ownership timeout.
      await onlooker.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks
         WHERE locktype = 'advisory' AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      await eventually(() => isOwner(other));
      active.kill('SIGCONT');
      await eventually(async () => !(await isOwner(active)));
    }
    await stopLoad();
    await allIsPublished();
    await expectEachEventOnceAndInOrder();
  });

  it('finishes what it has in hand when it is told to stop', async () => {
    await prepareDatabase();
    const relay = startRelay();
    const stopLoad = startLoad();
    await eventually(async () => (await recordsOnLog()) > 0);
    relay.kill('SIGTERM');
    expect(await relay.exit).toBe(0);
    await stopLoad();
    startRelay();
    await allIsPublished();
    await expectEachEventOnceAndInOrder();
  });

  it('does not start with wrong settings, and names each', async () => {
    const relay = startRelay({ SERVICE: 'warehouse', RELAY_BATCH_ROWS: '0', OUTBOX_RETENTION_HOURS: 'long' });
    expect(await relay.exit).toBe(1);
    expect(relay.output).toContain(
      'SERVICE is wrong: it must be the service whose outbox to publish: one of orders, inventory, payments.',
    );
    expect(relay.output).toContain(
      'RELAY_BATCH_ROWS is wrong: it must be a whole number of rows from 1 to 10000',
    );
    expect(relay.output).toContain('OUTBOX_RETENTION_HOURS is wrong: it must be a number of hours from 0');
  });
});
