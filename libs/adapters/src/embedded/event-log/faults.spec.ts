import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConsumedRecord, Consumer, EventLog } from '@atlas/ports/adapters';
import { createTestDatabase, eventually, publish, type TestDatabase } from '@atlas/testing';
import { Client } from 'pg';
import { EmbeddedPostgres } from '../postgres-server';
import { EmbeddedEventLog, type EmbeddedEventLogOptions } from './event-log';
import type { MemberNews, MemberOrder } from './test/member-process';

const TOPIC = 'members.events';
const GROUP = 'lending';
const PARTITIONS = 6;
/** Longer than the test timeout, so that a missing heartbeat can't be what the members react to. */
const NEVER_MS = 3_600_000;

let database: TestDatabase;
let operator: Client;
let opened: EventLog[];
let children: ChildProcess[];

beforeEach(async () => {
  database = await createTestDatabase();
  operator = new Client({ connectionString: database.url });
  operator.on('error', () => undefined);
  await operator.connect();
  opened = [];
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(opened.map((log) => log.close()));
  await operator.end();
  await database.drop();
});

async function open(options: EmbeddedEventLogOptions = {}, url = database.url): Promise<EmbeddedEventLog> {
  const log = await EmbeddedEventLog.open(url, options);
  opened.push(log);
  return log;
}

async function openWithTopic(options: EmbeddedEventLogOptions = {}): Promise<EmbeddedEventLog> {
  const log = await open(options);
  await log.ensureTopics([{ name: TOPIC, partitions: PARTITIONS }]);
  return log;
}

const numbered = (count: number, keys = 50) =>
  Array.from({ length: count }, (_, number) => ({
    topic: TOPIC,
    key: `loan-${number % keys}`,
    headers: {},
    value: Buffer.from(`${number}`),
  }));

interface Joined {
  readonly consumer: Consumer;
  readonly records: ConsumedRecord[];
}

async function joinGroup(log: EventLog): Promise<Joined> {
  const records: ConsumedRecord[] = [];
  const consumer = await log.subscribe({
    group: GROUP,
    topics: [TOPIC],
    handle: async (batch) => void records.push(...batch.records),
  });
  return { consumer, records };
}

const owns = (count: number, { consumer }: Joined) =>
  eventually(() => consumer.assignment().length === count);
const handled = (count: number, { records }: Joined) => eventually(() => records.length >= count);

async function read(log: EventLog): Promise<string[]> {
  const values: string[] = [];
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    for await (const record of log.read(TOPIC, partition)) values.push(String(record.value));
  }
  return values;
}

/** The group has committed exactly the existing records. */
const caughtUp = (log: EventLog) =>
  eventually(async () => {
    const committed = (await log.groupOffsets()).map(({ partition, committed: offset }) => [
      partition,
      offset,
    ]);
    expect(committed).toEqual((await log.describe()).map(({ partition, end }) => [partition, end]));
    return true;
  });

class MemberProcess {
  readonly news: MemberNews[] = [];

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (news: MemberNews) => this.news.push(news));
  }

  static async start(sessionTimeoutMs: number): Promise<MemberProcess> {
    const child = spawn(
      process.execPath,
      [
        ...['--require', join(process.cwd(), 'tools/jest/run-typescript.cjs')],
        join(__dirname, 'test/member-process.ts'),
        ...[database.url, TOPIC, GROUP, String(sessionTimeoutMs)],
      ],
      { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    );
    children.push(child);
    const member = new MemberProcess(child);
    await member.told((news) => 'joined' in news);
    return member;
  }

  told(what: (news: MemberNews) => boolean): Promise<boolean> {
    return eventually(() => this.news.some(what));
  }

  tell(order: MemberOrder): void {
    this.child.send(order);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** Breaks every connection to the log's database except the test's own. */
async function terminateConnections(which = 'true'): Promise<number> {
  const { rowCount } = await operator.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND ${which}`,
  );
  return rowCount ?? 0;
}

describe('a fresh log', () => {
  it('can be created by several processes at the same time', async () => {
    const logs = await Promise.all(Array.from({ length: 5 }, () => open()));

    await Promise.all(logs.map((log) => log.ensureTopics([{ name: TOPIC, partitions: PARTITIONS }])));

    for (const log of logs) expect(await log.describe()).toHaveLength(PARTITIONS);
  });

  it('is refused if a newer version has migrated its tables', async () => {
    await open();
    await operator.query('UPDATE event_log_schema SET version = 99');

    await expect(open()).rejects.toThrow(/schema version 99/);
  });
});

describe('a member whose process is killed', () => {
  it('frees its partitions immediately, and its current batch is redelivered', async () => {
    const log = await openWithTopic({ sessionTimeoutMs: NEVER_MS });
    const doomed = await MemberProcess.start(NEVER_MS);
    await publish(log, ...numbered(300));
    await doomed.told((news) => 'begun' in news);
    const survivor = await joinGroup(log);

    doomed.signal('SIGKILL');

    await owns(PARTITIONS, survivor);
    await handled(300, survivor);
    await caughtUp(log);
    expect(survivor.records).toHaveLength(300);
  });
});

describe('a member whose process is paused', () => {
  it('is deposed, and can’t move the offset after it resumes', async () => {
    const sessionTimeoutMs = 3_000;
    const log = await openWithTopic({ sessionTimeoutMs });
    const paused = await MemberProcess.start(sessionTimeoutMs);
    await publish(log, ...numbered(100, 1));
    await paused.told((news) => 'begun' in news && news.begun.records === 100);

    paused.signal('SIGSTOP');
    const heir = await joinGroup(log);
    await owns(PARTITIONS, heir);
    await handled(100, heir);
    await publish(log, ...numbered(100, 1));
    await handled(200, heir);
    await caughtUp(log);
    paused.signal('SIGCONT');
    paused.tell('finish');
    paused.tell('stop');
    await paused.told((news) => 'stopped' in news);

    // The offset of its batch, 100, would move the group backwards.
    await caughtUp(log);
    await publish(log, ...numbered(10, 1));
    await handled(210, heir);
    expect(heir.records.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 210 }, (_, offset) => offset),
    );
  });

  it('gets its share again after it resumes', async () => {
    const sessionTimeoutMs = 3_000;
    const log = await openWithTopic({ sessionTimeoutMs });
    const paused = await MemberProcess.start(sessionTimeoutMs);
    const other = await joinGroup(log);
    await owns(PARTITIONS / 2, other);

    paused.signal('SIGSTOP');
    await owns(PARTITIONS, other);
    paused.signal('SIGCONT');

    await owns(PARTITIONS / 2, other);
  });
});

describe('connections that break', () => {
  it('are re-established, and consumption resumes by itself', async () => {
    const errors: unknown[] = [];
    const log = await openWithTopic({ onError: (error) => errors.push(error) });
    const members = [await joinGroup(log), await joinGroup(log)];
    await publish(log, ...numbered(100));

    for (let round = 1; round <= 3; round += 1) {
      await eventually(
        async () => (await terminateConnections("query ~ '^(LISTEN|SELECT pg_advisory_lock)'")) > 0,
      );
      await terminateConnections();
      await eventually(async () => {
        await publish(log, ...numbered(100));
        return true;
      });
    }

    await eventually(
      () => new Set(members.flatMap(({ consumer }) => consumer.assignment())).size === PARTITIONS,
    );
    await caughtUp(log);
    const seen = new Set(
      members.flatMap(({ records }) => records).map(({ partition, offset }) => `${partition}/${offset}`),
    );
    expect(seen.size).toBe((await read(log)).length);
    expect(errors).not.toEqual([]);
  });

  it('during a publish roll it back, and the publisher must be reopened', async () => {
    const log = await openWithTopic();
    const publisher = await log.openPublisher('members');
    await publisher.publish(numbered(10), '10');
    await operator.query('BEGIN');
    await operator.query('SELECT FROM topic_partition WHERE partition = 5 FOR UPDATE');

    const publishing = publisher.publish(numbered(100), '110').catch((error: unknown) => error);
    await eventually(async () => (await terminateConnections("wait_event_type = 'Lock'")) > 0);

    expect(await publishing).toBeInstanceOf(Error);
    await operator.query('COMMIT');
    expect(await read(log)).toHaveLength(10);
    await expect(publisher.publish(numbered(100), '110')).rejects.toThrow(/reopen the publisher/);
    const again = await log.openPublisher('members');
    expect(again.cursor).toBe('10');
    await again.publish(numbered(100), '110');
    expect(await read(log)).toHaveLength(110);
  });
});

describe('a server that restarts', () => {
  let home: string;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'atlas-event-log-'));
  });

  afterEach(async () => {
    await rm(home, { recursive: true, force: true });
  });

  it('is waited for by processes that open the log or have it open', async () => {
    const dataDir = join(home, 'postgres');
    const first = await EmbeddedPostgres.start({ dataDir });
    await first.ensureDatabases(['event_log']);
    const { port } = first;
    const log = await open({}, first.urlOf('event_log'));
    await log.ensureTopics([{ name: TOPIC, partitions: PARTITIONS }]);
    const member = await joinGroup(log);
    await publish(log, ...numbered(100));
    await handled(100, member);

    await first.stop();
    const opening = open({}, first.urlOf('event_log'));
    const second = await EmbeddedPostgres.start({ dataDir, port });
    try {
      const newcomer = await opening;
      await publish(newcomer, ...numbered(100));
      await handled(200, member);
      await owns(PARTITIONS, member);
      await caughtUp(newcomer);
      await newcomer.close();
      await log.close();
    } finally {
      await second.stop();
    }
    // The crash may lose an offset, so records may be redelivered; but no record may be lost.
    expect(new Set(member.records.map(({ partition, offset }) => `${partition}/${offset}`)).size).toBe(200);
  });
});

describe('a publish of many large records', () => {
  it('is atomic, although it takes several statements', async () => {
    const log = await openWithTopic();
    const publisher = await log.openPublisher('members');
    const large = numbered(20).map((record) => ({ ...record, value: Buffer.alloc(1_000_000, record.value) }));
    await operator.query('BEGIN');
    await operator.query('SELECT FROM topic_partition WHERE partition = 5 FOR UPDATE');

    const publishing = publisher.publish(large, '20');
    await eventually(async () => {
      const { rows } = await operator.query("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
      return rows.length > 0;
    });
    expect(await read(log)).toEqual([]);
    await operator.query('COMMIT');
    await publishing;

    const member = await joinGroup(log);
    await handled(20, member);
    expect(new Set(member.records.map(({ key }) => key)).size).toBe(20);
    expect((await read(log)).length).toBe(20);
  });
});
