import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedPostgres } from '@atlas/adapters/embedded';
import { PostgresOutboxSource } from '@atlas/adapters/postgres';
import { SystemClock, SystemRandom } from '@atlas/adapters/system';
import type { ConsumedRecord } from '@atlas/ports/adapters';
import { eventually, MemoryEventLog } from '@atlas/testing';
import type { Client } from 'pg';
import { AdoptOutbox } from '../src/application/commands/adopt-outbox';
import { type RelayEvent, RelayOutbox } from '../src/application/commands/relay-outbox';
import { RelayProgress } from '../src/domain/relay-progress';
import { BusyOutbox, TOPIC } from './busy-outbox';

const DATABASE = 'lending';
const DAY_MS = 86_400_000;

/** A relay as a process runs it. */
class RunningRelay {
  readonly events: RelayEvent[] = [];
  readonly progress = new RelayProgress();
  private readonly outbox: PostgresOutboxSource;
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;

  constructor(url: string, log: MemoryEventLog) {
    this.outbox = new PostgresOutboxSource({ url });
    const settings = {
      service: 'lending',
      topics: [{ name: TOPIC, partitions: 3 }],
      batchRows: 20,
      retentionMs: 7 * DAY_MS,
      backoff: { first: 20, most: 200 },
    };
    const relay = new RelayOutbox(
      this.outbox,
      log,
      this.progress,
      new SystemClock(),
      new SystemRandom(),
      settings,
    );
    this.running = relay.execute(this.stopping.signal, (event) => this.events.push(event));
  }

  says(type: RelayEvent['type']): RelayEvent | undefined {
    return this.events.find((event) => event.type === type);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.outbox.close();
  }
}

/** A data folder and the server that runs on it. */
class Server {
  private constructor(
    readonly folder: string,
    private readonly postgres: EmbeddedPostgres,
  ) {}

  static async start(folder: string, settings: Readonly<Record<string, string>> = {}): Promise<Server> {
    const postgres = await EmbeddedPostgres.start({
      dataDir: folder,
      settings: { fsync: 'off', shared_buffers: '16MB', max_connections: '50', ...settings },
    });
    return new Server(folder, postgres);
  }

  /** Starts a standby that follows this server, from a copy of its folder. */
  async standby(copy: string): Promise<Server> {
    await writeFile(join(copy, 'standby.signal'), '');
    const { username, password, port, hostname } = new URL(this.url);
    return Server.start(copy, {
      primary_conninfo: `host=${hostname} port=${port} user=${username} password=${password}`,
    });
  }

  get url(): string {
    return this.postgres.urlOf(DATABASE);
  }

  async ensureDatabase(): Promise<void> {
    await this.postgres.ensureDatabases([DATABASE]);
  }

  stop(): Promise<void> {
    return this.postgres.stop(5_000);
  }
}

describe('A relay whose database is replaced', () => {
  let home: string;
  let base: string;
  let log: MemoryEventLog;
  let servers: Server[];
  let clients: Client[];
  let relays: RunningRelay[];
  let primary: Server;

  const copyOf = async (folder: string): Promise<string> => {
    const copy = join(home, randomUUID());
    await promisify(execFile)('cp', ['-a', folder, copy]);
    return copy;
  };
  const started = async (starting: Promise<Server>): Promise<Server> => {
    const server = await starting;
    servers.push(server);
    return server;
  };
  const restarted = async (server: Server): Promise<Server> => started(Server.start(server.folder));

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'atlas-replaced-'));
    base = join(home, 'base');
    const server = await Server.start(base);
    await server.ensureDatabase();
    const outbox = await BusyOutbox.at(server.url, new MemoryEventLog());
    await outbox.prepare();
    // So that the numbers of its transactions are above those of a new server.
    await outbox.query(`
      CREATE TABLE spent (n integer);
      DO $$ BEGIN
        FOR n IN 1..3000 LOOP
          BEGIN INSERT INTO spent VALUES (n); EXCEPTION WHEN division_by_zero THEN NULL; END;
        END LOOP;
      END $$`);
    await server.stop();
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  beforeEach(async () => {
    [servers, clients, relays] = [[], [], []];
    log = new MemoryEventLog();
    primary = await started(Server.start(await copyOf(base)));
  });
  afterEach(async () => {
    await Promise.all(relays.map((relay) => relay.stop()));
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
    await Promise.all(servers.map((server) => server.stop()));
    await Promise.all(servers.map(({ folder }) => rm(folder, { recursive: true, force: true })));
  });

  const outboxOf = (server: Server) => BusyOutbox.at(server.url, log);
  const on = async <Row extends object>(server: Server, sql: string) =>
    (await outboxOf(server)).query<Row>(sql);

  /** Commits as many changes, each of two aggregates. */
  async function commit(server: Server, changes: number): Promise<void> {
    const outbox = await outboxOf(server);
    const client = await outbox.connect();
    for (let i = 0; i < changes; i++) await outbox.change(client, 'COMMIT', i % 5, 5 + (i % 4));
    await client.end();
  }

  /** Begins a transaction that has written an event of an aggregate that no one else changes. */
  async function beginSlow(server: Server): Promise<Client> {
    const outbox = await outboxOf(server);
    const client = await outbox.connect();
    clients.push(client);
    await client.query('BEGIN');
    await outbox.append(client, 9);
    return client;
  }

  function startRelay(server: Server): RunningRelay {
    const relay = new RunningRelay(server.url, log);
    relays.push(relay);
    return relay;
  }

  async function stopRelays(): Promise<void> {
    await Promise.all(relays.splice(0).map((relay) => relay.stop()));
  }

  async function records(): Promise<ConsumedRecord[]> {
    const found: ConsumedRecord[] = [];
    for (const { topic, partition } of await log.describe()) {
      for await (const record of log.read(topic, partition)) found.push(record);
    }
    return found;
  }
  const published = async () => (await records()).map(({ headers }) => headers['ce_id'] as string);

  const publishesAllOf = (server: Server) =>
    eventually(async () => {
      const rows = await on<{ event_id: string }>(server, 'SELECT event_id FROM outbox');
      const there = new Set(await published());
      return rows.every((row) => there.has(row.event_id));
    });

  /** The events on the log that the server doesn't have. */
  async function lostBy(server: Server): Promise<string[]> {
    const rows = await on<{ event_id: string }>(server, 'SELECT event_id FROM outbox');
    const known = new Set(rows.map((row) => row.event_id));
    return (await published()).filter((id) => !known.has(id));
  }

  /** Every event of the server is on the log, and those of an aggregate in order where each comes first. */
  async function expectAllInOrder(server: Server): Promise<void> {
    await publishesAllOf(server);
    const order = await published();
    const rows = await on<{ event_id: string; aggregate_id: string }>(
      server,
      'SELECT event_id, aggregate_id FROM outbox ORDER BY id',
    );
    for (const key of new Set(rows.map((row) => row.aggregate_id))) {
      const positions = rows
        .filter((row) => row.aggregate_id === key)
        .map((row) => order.indexOf(row.event_id));
      expect(positions).toEqual([...positions].sort((a, b) => a - b));
    }
  }

  async function expectHalted(server: Server): Promise<RunningRelay> {
    const before = await published();
    const relay = startRelay(server);
    await eventually(() => relay.progress.isHalted && relay.progress.failures > 2);
    expect(relay.says('halted')).toMatchObject({ reason: expect.stringContaining('atlas relay adopt') });
    await commit(server, 3);
    await eventually(() => relay.progress.failures > 5);
    expect(await published()).toEqual(before);
    return relay;
  }

  async function adopt(server: Server) {
    const outbox = new PostgresOutboxSource({ url: server.url });
    try {
      const settings = { service: 'lending', topics: [TOPIC], retentionMs: 7 * DAY_MS };
      return await new AdoptOutbox(outbox, log, new RelayProgress(), new SystemClock(), settings).execute();
    } finally {
      await outbox.close();
    }
  }

  /** Adopts what a running relay has refused; then the relay publishes everything, and little of it again. */
  async function expectAdopted(server: Server, again: number): Promise<void> {
    const lost = await lostBy(server);
    const total = (await published()).length;
    const unpublished = (await on(server, 'SELECT FROM outbox')).length - (total - lost.length);
    const adoption = await adopt(server);
    expect(adoption).toMatchObject({ state: 'adopted', lost: { count: lost.length } });
    if (adoption.state === 'adopted') {
      expect(lost).toEqual(expect.arrayContaining(adoption.lost.newest.map(({ id }) => id)));
      expect(adoption.lost.newest).toHaveLength(Math.min(20, lost.length));
    }
    await expectAllInOrder(server);
    expect((await published()).length - total).toBeLessThanOrEqual(unpublished + again);

    await commit(server, 5);
    await expectAllInOrder(server);
    // Once adopted, it is the database that the relay expects after a restart.
    await stopRelays();
    const relay = startRelay(server);
    await commit(server, 5);
    await expectAllInOrder(server);
    expect(relay.says('halted')).toBeUndefined();
    expect(await adopt(server)).toMatchObject({ state: 'refused' });
  }

  it('goes on by itself after the failover to a replica that has everything that was published', async () => {
    startRelay(primary);
    await commit(primary, 10);
    await publishesAllOf(primary);
    await stopRelays();
    await primary.stop();
    const copy = await copyOf(primary.folder);
    primary = await restarted(primary);
    const replica = await started(primary.standby(copy));
    startRelay(primary);
    await commit(primary, 30);
    await publishesAllOf(primary);
    const [at] = await on<{ lsn: string }>(primary, 'SELECT pg_current_wal_lsn() AS lsn');
    await eventually(async () => {
      const [row] = await on<{ there: boolean }>(
        replica,
        `SELECT pg_last_wal_replay_lsn() >= '${at?.lsn}' AS there`,
      );
      return row?.there;
    });
    await primary.stop();
    await on(replica, 'SELECT pg_promote()');
    await stopRelays();
    const before = (await published()).length;

    const relay = startRelay(replica);
    await commit(replica, 10);
    await expectAllInOrder(replica);
    expect(relay.says('server-changed')).toMatchObject({
      change: expect.stringMatching(/timeline 00000001 became 00000002/),
    });
    expect(await published()).toHaveLength(before + 20);
    expect(await lostBy(replica)).toEqual([]);
  });

  it('stops after the failover to a replica that lagged, and loses nothing once it is adopted', async () => {
    startRelay(primary);
    await commit(primary, 10);
    await publishesAllOf(primary);
    await primary.stop();
    const copy = await copyOf(primary.folder);
    await stopRelays();
    primary = await restarted(primary);
    startRelay(primary);
    const slow = await beginSlow(primary);
    await commit(primary, 30);
    await publishesAllOf(primary);
    await slow.query('COMMIT');
    await publishesAllOf(primary);
    await primary.stop();
    await stopRelays();
    await writeFile(join(copy, 'standby.signal'), '');
    const replica = await started(Server.start(copy));
    await on(replica, 'SELECT pg_promote()');

    await expectHalted(replica);
    await expectAdopted(replica, 2);
    expect(await lostBy(replica)).toHaveLength(61);
  });

  /** A copy of the primary's data folder that lacks the last ten events, which are published. The primary is stopped. */
  async function copyBeforeTheLastEvents(): Promise<string> {
    await primary.stop();
    await stopRelays();
    const copy = await copyOf(primary.folder);
    primary = await restarted(primary);
    startRelay(primary);
    await commit(primary, 10);
    await publishesAllOf(primary);
    await primary.stop();
    await stopRelays();
    return copy;
  }

  it('stops after a recovery to an earlier time, even if it looks when the numbers have come again', async () => {
    startRelay(primary);
    const slow = await beginSlow(primary);
    await commit(primary, 10);
    await publishesAllOf(primary);
    await slow.query('COMMIT');
    await publishesAllOf(primary);
    const backup = await copyBeforeTheLastEvents();

    await writeFile(join(backup, 'recovery.signal'), '');
    const recovered = await started(Server.start(backup, { restore_command: 'false' }));
    await eventually(async () => {
      const [row] = await on<{ open: boolean }>(recovered, 'SELECT NOT pg_is_in_recovery() AS open');
      return row?.open;
    });
    await commit(recovered, 40);
    await expectHalted(recovered);
    await expectAdopted(recovered, 2);
  });

  it('stops when a copy of the data folder is put back: same server, same timeline, numbers beyond those published', async () => {
    startRelay(primary);
    await commit(primary, 10);
    await publishesAllOf(primary);
    const snapshot = await copyBeforeTheLastEvents();

    const restored = await started(Server.start(snapshot));
    await commit(restored, 40);
    await expectHalted(restored);
    await expectAdopted(restored, 2);
  });

  it('stops when a dump is loaded into a new server, whose transaction numbers are lower', async () => {
    startRelay(primary);
    const slow = await beginSlow(primary);
    await commit(primary, 10);
    await publishesAllOf(primary);
    await stopRelays();
    // Committed, and not yet published when the dump is made.
    await slow.query('COMMIT');
    await commit(primary, 5);

    const other = await started(Server.start(join(home, randomUUID())));
    await other.ensureDatabase();
    await (await outboxOf(other)).prepare();
    await load(primary, other);
    await expectHalted(other);
    await expectAdopted(other, 20);
    expect(await lostBy(other)).toEqual([]);
    const [future] = await on(
      other,
      'SELECT FROM outbox WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()) LIMIT 1',
    );
    expect(future).toBeUndefined();
  });

  /** Copies the rows as pg_dump and psql do: with their ids and transaction numbers. */
  async function load(from: Server, to: Server): Promise<void> {
    const tables = {
      aggregate: 'id text, version integer',
      outbox:
        'xid xid8, id bigint, event_id uuid, topic text, aggregate_id text, aggregate_version integer, headers jsonb, payload bytea, created_at timestamptz',
      outbox_mark: 'id bigint, token uuid',
    };
    const client = await (await outboxOf(to)).connect();
    for (const [table, columns] of Object.entries(tables)) {
      const [row] = await on<{ all: unknown[] | null }>(
        from,
        `SELECT jsonb_agg(to_jsonb(${table})) AS all FROM ${table}`,
      );
      await client.query(`DELETE FROM ${table}`);
      await client.query(
        `INSERT INTO ${table} OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_to_recordset($1::jsonb) AS row (${columns})`,
        [JSON.stringify(row?.all ?? [])],
      );
    }
    await client.query("SELECT setval(pg_get_serial_sequence('outbox', 'id'), (SELECT max(id) FROM outbox))");
    await client.end();
  }
});
