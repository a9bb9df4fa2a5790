import { EmbeddedEventLog } from '@atlas/adapters/embedded';
import { createTestDatabase, eventually, type TestDatabase } from '@atlas/testing';
import { Client } from 'pg';
import { BusyOutbox, TOPIC } from './busy-outbox';
import { RelayBuild, type RelayProcess } from './relay-process';

const KILLS = Number(process.env['RELAY_KILLS'] ?? 10);

describe('The relay as a process', () => {
  let build: RelayBuild;
  let database: TestDatabase;
  let logDatabase: TestDatabase;
  let log: EmbeddedEventLog;
  let outbox: BusyOutbox;
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
    outbox = await BusyOutbox.at(database.url, log);
    onlooker = await outbox.connect();
  });
  afterEach(async () => {
    await outbox.stopLoad();
    await Promise.all(relays.map((relay) => relay.end()));
    await onlooker.end();
    await log.close();
    await Promise.all([database.drop(), logDatabase.drop()]);
  });

  function startRelay(env: Readonly<Record<string, string>> = {}): RelayProcess {
    const relay = build.start({ DATABASE_URL: database.url, EVENT_LOG_URL: logDatabase.url, ...env });
    relays.push(relay);
    return relay;
  }

  it('publishes events as they are committed, and reports its progress', async () => {
    await outbox.prepare();
    const relay = startRelay();
    await outbox.change(onlooker, 'COMMIT', 1, 2);
    await outbox.change(onlooker, 'ROLLBACK', 1, 2);
    await outbox.expectEachEventOnceAndInOrder();
    await outbox.change(onlooker, 'COMMIT', 2);
    await outbox.expectEachEventOnceAndInOrder();

    const { body } = await eventually(async () => {
      const answer = await relay.get('/relay');
      return answer.body['published'] === 3 && answer;
    });
    expect(body).toMatchObject({
      service: 'lending',
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

  it('reports its backlog and publications as metrics', async () => {
    await outbox.prepare();
    const relay = startRelay();
    const shows = (name: string, value: number) =>
      eventually(async () => (await relay.metric(name)).get('lending') === value);
    await outbox.change(onlooker, 'COMMIT', 1, 2);
    await shows('atlas_relay_published_total', 2);
    await shows('atlas_relay_owner', 1);
    await shows('atlas_relay_waiting', 0);
    await shows('atlas_relay_failures_total', 0);
    await shows('atlas_relay_publish_records_sum', 2);
    const transactions = (await relay.metric('atlas_relay_transactions_total')).get('lending');
    await shows('atlas_relay_publish_duration_seconds_count', transactions as number);

    const standing = new Client({ connectionString: logDatabase.url });
    await standing.connect();
    await standing.query('BEGIN; SELECT FROM publisher FOR UPDATE');
    await outbox.change(onlooker, 'COMMIT', 4, 5);
    await shows('atlas_relay_waiting', 2);
    expect((await relay.metric('atlas_relay_oldest_age_seconds')).get('lending')).toBeGreaterThan(0);
    await standing.query('COMMIT');
    await standing.end();
    await shows('atlas_relay_waiting', 0);
    await shows('atlas_relay_published_total', 4);
  });

  it('stops before a database that lacks what was published, says so everywhere, and goes on once it is adopted', async () => {
    await outbox.prepare();
    const former = startRelay();
    await outbox.change(onlooker, 'COMMIT', 1, 2, 3);
    await outbox.expectEachEventOnceAndInOrder();
    await former.end();
    await onlooker.query("DELETE FROM outbox WHERE aggregate_id = 'book-3'");
    await outbox.change(onlooker, 'COMMIT', 4);

    const relay = startRelay();
    await eventually(async () => (await relay.metric('atlas_relay_halted')).get('lending') === 1);
    expect((await relay.get('/relay')).body).toMatchObject({ isHalted: true, published: 0 });
    expect(await relay.get('/health/ready')).toMatchObject({
      status: 200,
      body: { details: { relay: { status: 'degraded', message: expect.stringContaining('restored') } } },
    });
    expect(relay.says(/npx atlas relay adopt/)).toBe(1);
    expect(await relay.post('/relay/adopt')).toMatchObject({
      status: 200,
      body: { waiting: 1, lost: { count: 1, newest: [{ key: 'book-3' }] }, renumbered: 0 },
    });
    await eventually(async () => (await relay.metric('atlas_relay_halted')).get('lending') === 0);
    await eventually(async () => (await outbox.published()).length === 4);
    expect(await relay.post('/relay/adopt')).toMatchObject({
      status: 409,
      body: { detail: 'The relay of "lending" publishes: there is nothing to adopt.' },
    });
  });

  it('reports the lag of the groups that are declared to consume its topic while it is the owner', async () => {
    await outbox.prepare();
    const owner = startRelay();
    await outbox.change(onlooker, 'COMMIT', 1, 2);
    await outbox.expectEachEventOnceAndInOrder();
    const committed = Promise.withResolvers<void>();
    const consumer = await log.subscribe({
      group: 'shelves',
      topics: [TOPIC],
      handle: async () => committed.resolve(),
    });
    await committed.promise;
    await consumer.stop();
    await outbox.change(onlooker, 'COMMIT', 1, 2, 3);
    await outbox.expectEachEventOnceAndInOrder();
    // Nobody declares that it consumes the topic, so it may be another platform's.
    await log.seekGroup('stranger', TOPIC, 0, 0);
    const behind = (await log.groupOffsets(['shelves'])).reduce((sum, offset) => sum - offset.committed, 5);

    const standby = startRelay();
    const lag = await eventually(async () => {
      const found = await owner.metric('atlas_consumer_lag');
      return found.size > 0 && found;
    });
    expect([...lag.values()].reduce((sum, records) => sum + records)).toBe(behind);
    expect([...lag.keys()].every((series) => series.startsWith(`shelves ${TOPIC} `))).toBe(true);
    expect((await standby.metric('atlas_relay_owner')).get('lending')).toBe(0);
    expect((await standby.metric('atlas_consumer_lag')).size).toBe(0);
    expect((await standby.metric('atlas_relay_waiting')).size).toBe(0);
  });

  it('starts before its service has created the outbox, and logs what it waits for', async () => {
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
    await outbox.prepare();
    await outbox.change(onlooker, 'COMMIT', 1);
    await outbox.expectEachEventOnceAndInOrder();
    expect(relay.says(/There is no outbox yet/)).toBe(1);
  });

  it(`leaves neither gap nor duplicate when it is killed ${KILLS} times while publishing`, async () => {
    await outbox.prepare();
    outbox.startLoad();
    const batch = () => ({ RELAY_BATCH_ROWS: String(1 + Math.floor(Math.random() * 50)) });
    let owner = startRelay(batch());
    for (let kill = 0; kill < KILLS; kill++) {
      const standby = startRelay(batch());
      await standby.url();
      const before = await outbox.growth();
      const more = 1 + Math.floor(Math.random() * 100);
      await eventually(async () => (await outbox.growth()) >= before + more);
      await owner.end();
      owner = standby;
    }
    await outbox.stopLoad();
    await outbox.expectEachEventOnceAndInOrder();
  }, 300_000);

  it('leaves neither gap nor duplicate when a paused owner resumes after another has taken over', async () => {
    await outbox.prepare();
    const [first, second] = [startRelay(), startRelay()];
    const isOwner = async (relay: RelayProcess) => (await relay.get('/relay')).body['role'] === 'owner';
    const owner = await eventually(async () =>
      (await isOwner(first)) ? first : (await isOwner(second)) && second,
    );
    const standby = owner === first ? second : first;
    outbox.startLoad();
    for (
      let turn = 0, [active, other] = [owner, standby];
      turn < 3;
      turn++, [active, other] = [other, active]
    ) {
      const before = await outbox.growth();
      await eventually(async () => (await outbox.growth()) > before);
      active.kill('SIGSTOP');
      // Simulates the server, which does this itself after the ownership timeout.
      await onlooker.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks
         WHERE locktype = 'advisory' AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      await eventually(() => isOwner(other));
      active.kill('SIGCONT');
      await eventually(async () => !(await isOwner(active)));
    }
    await outbox.stopLoad();
    await outbox.expectEachEventOnceAndInOrder();
  });

  it('finishes its current page when told to stop', async () => {
    await outbox.prepare();
    const relay = startRelay();
    outbox.startLoad();
    await eventually(async () => (await outbox.growth()) > 0);
    relay.kill('SIGTERM');
    expect(await relay.exit).toBe(0);
    await outbox.stopLoad();
    startRelay();
    await outbox.expectEachEventOnceAndInOrder();
  });

  it('does not start with invalid settings, and names each', async () => {
    const relay = startRelay({ SERVICE: 'warehouse', RELAY_BATCH_ROWS: '0', OUTBOX_RETENTION_HOURS: 'long' });
    expect(await relay.exit).toBe(1);
    expect(relay.output).toContain(
      'SERVICE is wrong: it must be the service whose outbox to publish: one of lending, shelves.',
    );
    expect(relay.output).toContain(
      'RELAY_BATCH_ROWS is wrong: it must be a whole number of rows from 1 to 10000',
    );
    expect(relay.output).toContain('OUTBOX_RETENTION_HOURS is wrong: it must be a number of hours from 0');
  });
});
