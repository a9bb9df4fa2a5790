import type { Clock, Random } from '@atlas/ports/application';
import { eventually, MemoryEventLog } from '@atlas/testing';
import { RelayProgress } from '../../domain/relay-progress';
import {
  type FoundRow,
  NoOutboxError,
  type OutboxBacklog,
  type OutboxPage,
  OutboxReplacedError,
  OutboxSource,
  type OutgoingRecord,
  type PublisherSession,
  type PublishingLog,
  type Topics,
} from '../ports';
import { GetRelayStatus, type RelayStatus } from '../queries/get-relay-status';
import { type RelayEvent, RelayOutbox } from './relay-outbox';

const TOPIC = 'lending.events';
const DAY_MS = 86_400_000;

/** A service's database, to which several relays may be connected. */
class LendingDatabase {
  readonly rows: OutgoingRecord[] = [];
  readonly changes = new EventTarget();
  isDown = false;
  hasOutbox = true;
  serverChange: string | undefined;
  owner: MemoryOutboxSource | undefined;
  pruned: { readonly cursor: string; readonly ageMs: number }[] = [];

  commit(...values: number[]): void {
    for (const value of values) {
      this.rows.push({ topic: TOPIC, key: 'book', headers: {}, value: Buffer.from(String(value)) });
    }
    this.change();
  }

  /** Breaks every connection, until it is {@link restart}ed. */
  crash(): void {
    this.isDown = true;
    this.owner = undefined;
    this.change();
  }

  restart(): void {
    this.isDown = false;
    this.change();
  }

  change(): void {
    this.changes.dispatchEvent(new Event('change'));
  }

  nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      this.changes.addEventListener('change', () => resolve(), { once: true });
      signal.addEventListener('abort', () => resolve());
    });
  }
}

/** Its cursor counts the rows before it. A row with the value 0 stands for a window without records. */
class MemoryOutboxSource extends OutboxSource {
  reads = 0;
  private seen = 0;

  constructor(private readonly database: LendingDatabase) {
    super();
  }

  async acquire(signal: AbortSignal): Promise<void> {
    this.assertUp();
    while (this.database.owner) {
      await this.database.nextChange(signal);
      signal.throwIfAborted();
      this.assertUp();
    }
    this.database.owner = this;
  }

  async verify(cursor: string | undefined): Promise<string | undefined> {
    this.assertUp();
    if (!this.database.hasOutbox) throw new NoOutboxError();
    if (Number(cursor ?? 0) > this.database.rows.length) {
      throw new OutboxReplacedError('The database does not have what was published');
    }
    return this.database.serverChange;
  }

  async find(): Promise<readonly FoundRow[]> {
    return [];
  }

  async adopt(): Promise<string> {
    return String(this.database.rows.length);
  }

  async renumber(): Promise<number> {
    return 0;
  }

  async read(cursor: string | undefined, limit: number): Promise<OutboxPage> {
    await new Promise(setImmediate);
    this.assertUp();
    if (!this.database.hasOutbox) throw new NoOutboxError();
    if (this.database.owner !== this) throw new Error('Not the owner');
    this.reads += 1;
    const from = Number(cursor ?? 0);
    const { rows } = this.database;
    this.seen = rows.length;
    const to = Math.min(rows.length, from + limit);
    const records = rows.slice(from, to).filter((row) => row.value.toString() !== '0');
    return { records, cursor: String(to), more: to < rows.length };
  }

  async changed(_timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.database.owner !== this || this.database.rows.length > this.seen) return;
    await this.database.nextChange(signal);
  }

  async backlog(cursor: string | undefined): Promise<OutboxBacklog> {
    this.assertUp();
    return { rows: this.database.rows.length - Number(cursor ?? 0), isEstimate: false, oldestAgeMs: 0 };
  }

  async prune(cursor: string, ageMs: number): Promise<number> {
    this.assertUp();
    this.database.pruned.push({ cursor, ageMs });
    return 0;
  }

  async release(): Promise<void> {
    if (this.database.owner === this) this.database.owner = undefined;
    this.database.change();
  }

  private assertUp(): void {
    if (this.database.isDown) throw new Error('The database is down');
  }
}

/** A log whose network can fail. */
class RemoteLog implements PublishingLog {
  readonly log = new MemoryEventLog();
  publications = 0;
  isDown = false;
  /** Called before a publication reaches the log; what it throws is what the sender gets. */
  beforePublish: () => Promise<void> | void = () => undefined;
  /** Called before the answer gets back. */
  afterPublish: () => Promise<void> | void = () => undefined;

  async ensureTopics(topics: Topics): Promise<void> {
    this.assertUp();
    await this.log.ensureTopics(topics);
  }

  async openPublisher(source: string): Promise<PublisherSession> {
    this.assertUp();
    const session = await this.log.openPublisher(source);
    return {
      cursor: session.cursor,
      publish: async (records, cursor) => {
        this.assertUp();
        await this.beforePublish();
        await session.publish(records, cursor);
        this.publications += 1;
        await this.afterPublish();
      },
      close: () => session.close(),
    };
  }

  async values(): Promise<number[]> {
    const values: number[] = [];
    for (const { topic, partition } of await this.log.describe()) {
      for await (const record of this.log.read(topic, partition)) values.push(Number(record.value));
    }
    return values;
  }

  private assertUp(): void {
    if (this.isDown) throw new Error('The log is down');
  }
}

/** A relay as a process runs it. */
class RunningRelay {
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;

  constructor(
    relay: RelayOutbox,
    private readonly getStatus: GetRelayStatus,
    report: (event: RelayEvent) => void,
  ) {
    this.running = relay.execute(this.stopping.signal, report);
  }

  status(): Promise<RelayStatus> {
    return this.getStatus.execute();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }
}

describe('The relay of a service', () => {
  let database: LendingDatabase;
  let log: RemoteLog;
  let now: number;
  let relays: RunningRelay[];
  let events: RelayEvent[];

  beforeEach(() => {
    database = new LendingDatabase();
    log = new RemoteLog();
    now = Date.UTC(2026, 0, 1);
    relays = [];
    events = [];
  });
  afterEach(() => Promise.all(relays.map((relay) => relay.stop())));

  const clock: Clock = { now: () => new Date(now) };
  const random: Random = { fraction: () => Math.random() };

  function startRelay(source = new MemoryOutboxSource(database)): RunningRelay {
    const settings = {
      service: 'lending',
      topics: [{ name: TOPIC, partitions: 3 }],
      batchRows: 10,
      retentionMs: 7 * DAY_MS,
      backoff: { first: 1, most: 5 },
    };
    const progress = new RelayProgress();
    const relay = new RunningRelay(
      new RelayOutbox(source, log, progress, clock, random, settings),
      new GetRelayStatus(source, progress, clock, settings.service),
      (event) => events.push(event),
    );
    relays.push(relay);
    return relay;
  }

  const numbers = (count: number, from = 1) => Array.from({ length: count }, (_, index) => from + index);
  const published = (count: number) => eventually(async () => (await log.values()).length >= count);
  const failedFor = (reason: RegExp) =>
    eventually(() =>
      events.some((event) => event.type === 'failed' && reason.test((event.error as Error).message)),
    );

  it('publishes what is committed, in order, and then what follows', async () => {
    database.commit(...numbers(25));
    startRelay();
    await published(25);
    database.commit(26);
    await published(26);
    database.commit(27, 28);
    await published(28);
    expect(await log.values()).toEqual(numbers(28));
  });

  it('ends if its topic is not as declared', async () => {
    await log.ensureTopics([{ name: TOPIC, partitions: 4 }]);
    const relay = startRelay();
    await expect(relays.pop()?.stop()).rejects.toThrow(`Topic "${TOPIC}" has 4 partitions, not 3`);
    expect((await relay.status()).role).not.toBe('owner');
  });

  it('resumes after a restart where it stopped, without gap or duplicate', async () => {
    database.commit(...numbers(25));
    const first = startRelay();
    await published(25);
    await first.stop();
    database.commit(...numbers(25, 26));
    startRelay();
    await published(50);
    expect(await log.values()).toEqual(numbers(50));
  });

  it('publishes nothing twice when the answer to a publication is lost', async () => {
    database.commit(...numbers(25));
    let losses = 2;
    log.afterPublish = () => {
      if (losses-- > 0) throw new Error('The connection is lost');
    };
    startRelay();
    await published(25);
    await failedFor(/connection is lost/);
    database.commit(26);
    await published(26);
    expect(await log.values()).toEqual(numbers(26));
  });

  it('skips nothing when a publication does not reach the log', async () => {
    database.commit(...numbers(25));
    let losses = 2;
    log.beforePublish = () => {
      if (losses-- > 0) throw new Error('The connection is lost');
    };
    startRelay();
    await published(25);
    expect(await log.values()).toEqual(numbers(25));
  });

  it('stops when another relay takes over between its read and its publication, and takes over again later', async () => {
    database.commit(...numbers(5));
    let hasOther = false;
    log.beforePublish = async () => {
      if (hasOther) return;
      hasOther = true;
      const other = await log.log.openPublisher('lending');
      await other.publish(database.rows.slice(0, 3), '3');
    };
    startRelay();
    await published(5);
    await failedFor(/Another publisher has taken over "lending"/);
    database.commit(6);
    await published(6);
    expect(await log.values()).toEqual(numbers(6));
  });

  it('stands by while another relay owns the outbox, and takes over when that one is gone', async () => {
    const owner = startRelay();
    await eventually(async () => (await owner.status()).role === 'owner');
    const standby = startRelay();
    database.commit(...numbers(5));
    await published(5);
    expect((await standby.status()).role).toBe('standby');
    await owner.stop();
    database.commit(...numbers(5, 6));
    await published(10);
    expect(await log.values()).toEqual(numbers(10));
    expect(await standby.status()).toMatchObject({ role: 'owner', published: 5 });
    expect(await owner.status()).toMatchObject({ role: 'stopped', published: 5 });
  });

  it('waits for a log that is down, reports it, and shows the backlog', async () => {
    const relay = startRelay();
    database.commit(1);
    await published(1);
    log.isDown = true;
    database.commit(...numbers(5, 2));
    await failedFor(/log is down/);
    expect(await relay.status()).toMatchObject({ failure: 'The log is down', backlog: { rows: 5 } });
    log.isDown = false;
    await published(6);
    await eventually(async () => (await relay.status()).failure === null);
    expect(await log.values()).toEqual(numbers(6));
  });

  it('waits for a database that is down, and acquires the outbox again', async () => {
    const relay = startRelay();
    database.commit(...numbers(5));
    await published(5);
    database.crash();
    await failedFor(/database is down/);
    expect(await relay.status()).toMatchObject({ failure: 'The database is down', backlog: null });
    database.restart();
    database.commit(6);
    await published(6);
    expect(await log.values()).toEqual(numbers(6));
  });

  it('starts before its database and the log are up', async () => {
    database.isDown = true;
    log.isDown = true;
    startRelay();
    await failedFor(/database is down/);
    database.restart();
    await failedFor(/log is down/);
    log.isDown = false;
    database.commit(1);
    await published(1);
  });

  it('reports once that its service has not created the outbox yet, and starts when it has', async () => {
    database.hasOutbox = false;
    const relay = startRelay();
    await eventually(async () => (await relay.status()).failures > 5);
    expect(events).toEqual([{ type: 'waits', reason: expect.stringContaining('no outbox yet') }]);
    database.hasOutbox = true;
    database.commit(1);
    await published(1);
    expect(events.map(({ type }) => type)).toEqual(['waits', 'became-owner']);
  });

  it('publishes nothing from a database that has lost published events, reports it once, and goes on when it is adopted', async () => {
    database.commit(...numbers(5));
    const first = startRelay();
    await published(5);
    await first.stop();
    database.rows.length = 3;
    database.commit(6);
    events = [];
    const relay = startRelay();
    await eventually(async () => (await relay.status()).failures > 5);
    expect(events).toEqual([{ type: 'halted', reason: 'The database does not have what was published' }]);
    expect(await relay.status()).toMatchObject({
      isHalted: true,
      failure: expect.stringContaining('does not have'),
    });
    expect(await log.values()).toEqual(numbers(5));

    await (await log.log.openPublisher('lending')).publish([], '3');
    await published(6);
    expect(await log.values()).toEqual(numbers(6));
    expect(await relay.status()).toMatchObject({ isHalted: false });
  });

  it('goes on by itself when the server has changed and lost nothing, and reports it', async () => {
    database.serverChange = 'The server was promoted';
    database.commit(...numbers(5));
    startRelay();
    await published(5);
    expect(events).toEqual([
      { type: 'server-changed', change: 'The server was promoted' },
      { type: 'became-owner', cursor: undefined },
    ]);
  });

  it('reports a failure that continues only once a minute, and a new one at once', async () => {
    const relay = startRelay();
    const failures = () => events.filter(({ type }) => type === 'failed').length;
    const failsAgain = async (times: number) => {
      const before = (await relay.status()).failures;
      await eventually(async () => (await relay.status()).failures >= before + times);
    };
    log.isDown = true;
    await failsAgain(5);
    expect(failures()).toBe(1);
    now += 60_000;
    await failsAgain(5);
    expect(failures()).toBe(2);

    log.isDown = false;
    database.commit(1);
    await published(1);
    await eventually(async () => (await relay.status()).failure === null);
    database.crash();
    await failsAgain(2);
    database.restart();
    log.isDown = true;
    await failsAgain(5);
    expect(
      events.flatMap((event) => (event.type === 'failed' ? [(event.error as Error).message] : [])),
    ).toEqual(['The log is down', 'The log is down', 'The database is down', 'The log is down']);
  });

  it('finishes the current publication before it stops, and gives up the ownership', async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    log.beforePublish = () => {
      begun.resolve();
      return gate.promise;
    };
    database.commit(...numbers(25));
    const relay = startRelay();
    await begun.promise;
    const stopping = relay.stop();
    expect(database.owner).toBeDefined();
    gate.resolve();
    await stopping;
    expect(await log.values()).toEqual(numbers(10));
    expect(database.owner).toBeUndefined();
  });

  it('stops while it waits for a log that is down', async () => {
    log.isDown = true;
    const relay = startRelay();
    await failedFor(/log is down/);
    await relay.stop();
    expect((await relay.status()).role).toBe('stopped');
  });

  it('writes no transaction for a window without records, and stores the progress with the next one', async () => {
    database.commit(1);
    const source = new MemoryOutboxSource(database);
    const relay = startRelay(source);
    await published(1);
    for (let wake = 0; wake < 5; wake++) {
      const { reads } = source;
      await eventually(() => {
        database.commit(0);
        return source.reads > reads;
      });
    }
    expect(log.publications).toBe(1);
    database.commit(2);
    await published(2);
    await relay.stop();
    expect(log.publications).toBe(2);
    expect((await log.log.openPublisher('lending')).cursor).toBe(String(database.rows.length));
  });

  it('shows its role, its progress and the backlog', async () => {
    database.commit(...numbers(10));
    const relay = startRelay();
    await eventually(async () => (await relay.status()).cursor === '10');
    const gate = Promise.withResolvers<void>();
    log.beforePublish = () => gate.promise;
    database.commit(11, 12, 13);
    const status = await relay.status();
    gate.resolve();
    expect(status).toEqual({
      service: 'lending',
      role: 'owner',
      cursor: '10',
      backlog: { rows: 3, isEstimate: false, oldestAgeMs: 0 },
      published: 10,
      transactions: 1,
      failures: 0,
      failure: null,
      isHalted: false,
    });
  });

  it('deletes what is past its retention, behind the cursor, once a minute', async () => {
    database.commit(1);
    startRelay();
    await published(1);
    await eventually(() => database.pruned.length > 0);
    database.commit(2);
    await published(2);
    expect(database.pruned).toEqual([{ cursor: '1', ageMs: 7 * DAY_MS }]);
    now += 60_000;
    database.commit(3);
    await eventually(() => database.pruned.length > 1);
    expect(database.pruned[1]).toEqual({ cursor: '3', ageMs: 7 * DAY_MS });
  });
});
