import { setTimeout as pause } from 'node:timers/promises';
import { KafkaEventLog } from '@atlas/adapters/kafka';
import { type KafkaContainer, startKafka } from '@atlas/adapters/kafka/test';
import { type PostgresContainer, startPostgres } from '@atlas/adapters/postgres/test';
import { SeededRandom, createTestDatabase, eventually } from '@atlas/testing';
import type { Client } from 'pg';
import { BusyOutbox, TOPIC } from './busy-outbox';
import { BY_HORIZON, BY_ID, BY_XID_AND_ID, type NaiveCursor, NaiveRelay } from './naive-relay';
import { RelayBuild, type RelayProcess } from './relay-process';

const isFull = process.env['FAULTS'] === 'full';
const KILLS = isFull ? 50 : 4;
const PAUSES = isFull ? 6 : 1;
const OUTAGES = isFull ? 3 : 1;
const DEADLINE_MS = 120_000;

const random = SeededRandom.fromEnvironment();

jest.setTimeout(isFull ? 900_000 : 240_000);

describe(`The relay between PostgreSQL and Kafka (FAULTS_SEED=${random.seed})`, () => {
  let build: RelayBuild;
  let kafka: KafkaContainer;
  let postgres: PostgresContainer;
  let log: KafkaEventLog;
  let url: string;
  let outbox: BusyOutbox;
  let relays: RelayProcess[];
  let clients: Client[];

  beforeAll(async () => {
    [build, kafka, postgres] = await Promise.all([RelayBuild.make(), startKafka(), startPostgres()]);
    log = await KafkaEventLog.open({ brokers: kafka.brokers, clientId: 'test' });
    await log.ensureTopics([{ name: TOPIC, partitions: 6 }]);
  });
  afterAll(async () => {
    await log?.close();
    await Promise.all([build?.remove(), kafka?.remove(), postgres?.remove()]);
  });

  beforeEach(async () => {
    relays = [];
    clients = [];
    ({ url } = await createTestDatabase(postgres.url));
    outbox = await BusyOutbox.at(url, log, random);
    await outbox.prepare();
    await outbox.replaceOthers();
  });
  afterEach(async () => {
    // A failed test may have left them stopped.
    await Promise.all([kafka.start(), postgres.start()]);
    await outbox.stopLoad();
    await Promise.all(relays.map((relay) => relay.end()));
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  });

  function startRelay(env: Readonly<Record<string, string>> = {}): RelayProcess {
    const relay = build.start({
      DATABASE_URL: url,
      EVENT_LOG_URL: `kafka://${kafka.brokers.join()}`,
      ...env,
    });
    relays.push(relay);
    return relay;
  }

  const growsBy = async (records: number) => {
    const before = await outbox.growth();
    await eventually(async () => (await outbox.growth()) >= before + records, DEADLINE_MS);
  };

  const status = async (relay: RelayProcess) => (await relay.get('/relay')).body;
  const isOwner = async (relay: RelayProcess) => (await status(relay))['role'] === 'owner';

  it(`leaves neither gap nor duplicate when it is killed ${KILLS} times while publishing`, async () => {
    outbox.startLoad();
    const batch = () => ({ RELAY_BATCH_ROWS: String(random.whole(1, 50)) });
    let owner = startRelay(batch());
    for (let kill = 0; kill < KILLS; kill++) {
      const standby = startRelay(batch());
      await standby.url();
      await growsBy(random.whole(1, 100));
      await pause(random.whole(0, 30));
      await owner.end();
      owner = standby;
    }
    await outbox.stopLoad();
    await outbox.expectEachEventOnceAndInOrder();
  });

  it('publishes for its own platform only, beside that of another platform with a copy of its database', async () => {
    await outbox.fill(500);
    const copy = new URL(url);
    copy.pathname = `${copy.pathname}_copy`;
    const nameOf = ({ pathname }: URL) => pathname.slice(1);
    await (
      await BusyOutbox.at(postgres.url, log)
    ).query(`CREATE DATABASE "${nameOf(copy)}" TEMPLATE "${nameOf(new URL(url))}"`);
    const platforms = await Promise.all(
      [
        ['production.', url],
        ['staging.', copy.href],
      ].map(async ([KAFKA_PREFIX = '', DATABASE_URL = '']) => {
        const own = await KafkaEventLog.open({
          brokers: kafka.brokers,
          clientId: 'test',
          prefix: KAFKA_PREFIX,
        });
        const relay = startRelay({ KAFKA_PREFIX, DATABASE_URL });
        return { own, relay, outbox: await BusyOutbox.at(DATABASE_URL, own, random) };
      }),
    );
    for (const { outbox: each } of platforms) each.startLoad();
    for (const { outbox: each } of platforms) {
      await eventually(async () => (await each.growth()) > 600, DEADLINE_MS);
    }

    for (const { own, relay, outbox: each } of platforms) {
      await each.stopLoad();
      await each.expectEachEventOnceAndInOrder();
      expect(await status(relay)).toMatchObject({ role: 'owner', failure: null });
      expect(relay.says(/has taken over|Failed/)).toBe(0);
      expect(new Set((await own.describe()).map(({ topic }) => topic))).toEqual(new Set([TOPIC]));
      await own.close();
    }
  });

  describe('when it resumes in a publication that another has taken over', () => {
    let owner: RelayProcess;
    let other: RelayProcess;

    /** Pauses the busy owner, resumes it after the other has taken over, and swaps their names. */
    async function takeOver(endOwnership: () => Promise<unknown>): Promise<void> {
      await outbox.fill(5_000);
      await growsBy(500);
      owner.kill('SIGSTOP');
      await endOwnership();
      await eventually(() => isOwner(other), DEADLINE_MS);
      owner.kill('SIGCONT');
      [owner, other] = [other, owner];
    }

    beforeEach(async () => {
      const [first, second] = [
        startRelay({ RELAY_BATCH_ROWS: '20' }),
        startRelay({ RELAY_BATCH_ROWS: '20' }),
      ];
      owner = await eventually(async () =>
        (await isOwner(first)) ? first : (await isOwner(second)) && second,
      );
      other = owner === first ? second : first;
      outbox.startLoad();
    });

    it('is fenced by the broker', async () => {
      const fenced = () => [owner, other].reduce((sum, relay) => sum + relay.says(/has taken over/), 0);
      // If it was paused between two publications, it first sees the loss of its database session.
      for (let turn = 0; turn < PAUSES || fenced() === 0; turn++) {
        await takeOver(() =>
          // Simulates the server, which does this itself after the ownership timeout.
          outbox.query(
            `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
          ),
        );
        await eventually(async () => !(await isOwner(other)), DEADLINE_MS);
      }
      await outbox.stopLoad();
      await outbox.expectEachEventOnceAndInOrder();
    });

    it('publishes nothing more, even after a pause longer than the lifetime of its connections', async () => {
      await takeOver(async () => undefined);
      await eventually(async () => (await status(other))['failure'] !== null, DEADLINE_MS);
      await outbox.stopLoad();
      await outbox.expectEachEventOnceAndInOrder();
    });
  });

  const brokenBroker = {
    stopped: () => kafka.stop(),
    killed: () => kafka.kill(),
  };
  it.each(Object.entries(brokenBroker))(
    'waits for a broker that was %s, stays alive, reports its backlog, and resumes',
    async (_, end) => {
      const relay = startRelay();
      outbox.startLoad();
      for (let outage = 0; outage < OUTAGES; outage++) {
        await growsBy(random.whole(20, 200));
        await end();
        await eventually(async () => {
          const { failure } = await status(relay);
          return failure !== null;
        }, DEADLINE_MS);
        expect(await relay.get('/health/live')).toMatchObject({ status: 200 });
        expect(await relay.get('/health/ready')).toMatchObject({
          status: 200,
          body: { details: { relay: { status: 'degraded', message: expect.any(String) } } },
        });
        await eventually(async () => backlogOf(await status(relay)) > 0, DEADLINE_MS);
        await kafka.start();
        await growsBy(50);
        await eventually(async () => (await status(relay))['failure'] === null, DEADLINE_MS);
      }
      await outbox.stopLoad();
      await outbox.expectEachEventOnceAndInOrder();
    },
  );

  const brokenDatabase = {
    restarted: () => postgres.stop(),
    killed: () => postgres.kill(),
  };
  it.each(Object.entries(brokenDatabase))(
    'waits for a database that was %s, stays alive, and resumes',
    async (_, end) => {
      const relay = startRelay();
      outbox.startLoad();
      for (let outage = 0; outage < OUTAGES; outage++) {
        await growsBy(random.whole(20, 200));
        await end();
        await eventually(async () => (await status(relay))['failure'] !== null, DEADLINE_MS);
        expect(await relay.get('/health/ready')).toMatchObject({ status: 200 });
        await postgres.start();
        await growsBy(50);
      }
      await outbox.stopLoad();
      await outbox.expectEachEventOnceAndInOrder();
    },
  );

  it('logs once that it waits for the outbox of a service that has not started yet', async () => {
    ({ url } = await createTestDatabase(postgres.url));
    // Nobody has published to these topics, so the relay may find the outbox at any time.
    const own = await KafkaEventLog.open({ brokers: kafka.brokers, clientId: 'test', prefix: 'new.' });
    await own.ensureTopics([{ name: TOPIC, partitions: 6 }]);
    outbox = await BusyOutbox.at(url, own, random);
    const relay = startRelay({ KAFKA_PREFIX: 'new.' });
    await eventually(async () => Number((await status(relay))['failures']) > 2);
    await outbox.prepare();
    await outbox.fill(10);
    await outbox.expectEachEventOnceAndInOrder();
    expect(relay.says(/no outbox yet/)).toBe(1);
    await own.close();
  });

  describe('compared to naive relays from samples', () => {
    let naive: NaiveRelay;

    /** Starts the relay's process and a naive relay with its own topic. */
    async function startBoth(cursor: NaiveCursor): Promise<void> {
      startRelay();
      naive = await NaiveRelay.start(log, await connect(), cursor);
    }
    afterEach(() => naive.stop());

    async function connect(): Promise<Client> {
      const client = await outbox.connect();
      clients.push(client);
      return client;
    }

    /** Begins a transaction that already has its id, as if it had written something before. */
    async function begin(): Promise<Client> {
      const client = await connect();
      await client.query('BEGIN');
      await client.query('SELECT pg_current_xact_id()');
      return client;
    }

    const isWaitingForLock = async (client: Client) => {
      const pid = (client as unknown as { processID: number }).processID;
      const [row] = await outbox.query<{ waiting: boolean }>(
        `SELECT wait_event_type = 'Lock' AS waiting FROM pg_stat_activity WHERE pid = ${pid}`,
      );
      return row?.waiting;
    };

    const published = async () =>
      (await outbox.published()).map(({ key, headers }) => `${key} ${headers['version']}`);
    const isPublished = (event: string) =>
      eventually(async () => (await published()).includes(event), DEADLINE_MS);

    it('publishes events that commit late, below published ids; ordering by id loses them', async () => {
      await startBoth(BY_ID);
      const slow = await begin();
      await outbox.append(slow, 1);
      await outbox.change(await connect(), 'COMMIT', 2);
      await isPublished('book-2 1');
      await eventually(async () => (await naive.published()).length === 1);
      await slow.query('COMMIT');
      await isPublished('book-1 1');

      await outbox.expectEachEventOnceAndInOrder();
      await naive.stop();
      expect(await naive.published()).toEqual(['book-2 1']);
    });

    it('publishes events above the horizon of a long transaction, without waiting for it', async () => {
      await startBoth(BY_HORIZON);
      const long = await begin();
      await outbox.change(await connect(), 'COMMIT', 2);
      await isPublished('book-2 1');
      expect(await naive.published()).toEqual([]);
      await outbox.append(long, 1);
      await long.query('COMMIT');
      await isPublished('book-1 1');

      await outbox.expectEachEventOnceAndInOrder();
    });

    it('keeps the order of writers that waited for a lock; ordering by (xid, id) swaps it', async () => {
      await startBoth(BY_XID_AND_ID);
      const second = await begin();
      const first = await begin();
      await outbox.append(first, 1);
      const waiting = outbox.append(second, 1);
      await eventually(() => isWaitingForLock(second));
      await first.query('COMMIT');
      await waiting;
      await second.query('COMMIT');
      await isPublished('book-1 2');

      await outbox.expectEachEventOnceAndInOrder();
      await naive.stop();
      expect(await naive.published()).toEqual(['book-1 2', 'book-1 1']);
    });

    it('keeps that order while another transaction runs between; horizon windows swap it', async () => {
      await startBoth(BY_HORIZON);
      const second = await begin();
      const long = await begin();
      const first = await begin();
      await outbox.append(first, 1);
      const waiting = outbox.append(second, 1);
      await eventually(() => isWaitingForLock(second));
      await first.query('COMMIT');
      await waiting;
      await second.query('COMMIT');
      await isPublished('book-1 2');
      await eventually(async () => (await naive.published()).length === 1);
      await outbox.append(long, 2);
      await long.query('COMMIT');
      await isPublished('book-2 1');

      await outbox.expectEachEventOnceAndInOrder();
      await naive.stop();
      const ofOne = (await naive.published()).filter((event) => event.startsWith('book-1 '));
      expect(ofOne).toEqual(['book-1 2', 'book-1 1']);
    });
  });
});

/** Committed rows that are not published yet; -1 if currently unknown. */
const backlogOf = (status: Record<string, unknown>): number =>
  (status['backlog'] as { rows: number } | null)?.rows ?? -1;
