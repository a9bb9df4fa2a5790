import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Controller, type Type } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { encodeEvent, type EventContract, type EventEnvelope, type EventOf } from '@atlas/events';
import {
  type ConsumedRecord,
  currentFlow,
  type Flow,
  type PartitionDescription,
  type Subscription,
  type UnitOfWork,
} from '@atlas/ports/adapters';
import {
  BookLent,
  BookReturned,
  CopyShelved,
  eventually,
  lendingCatalogue,
  LoanRenewed,
  MemoryAttempts,
  MemoryDatabase,
  MemoryDeadLetters,
  MemoryEventLog,
  type MemoryFaults,
  MemoryInbox,
  MemoryOutbox,
  MemoryPositions,
  MemoryUnitOfWork,
} from '@atlas/testing';
import { ProblemFilter } from '../http/problem.filter';
import type { EventContext } from './event-context';
import { DeadLetterService } from './dead-letter.service';
import { EventLogServer, type EventLogServerOptions } from './event-log-server';

const GROUP = 'shelves';
const TOPIC = 'lending.events';

/** A consumer of lending's events in one Nest application; its log, database and faults outlive it. */
class World {
  /** What batches failed with. */
  readonly failures: string[] = [];
  readonly log = new MemoryEventLog(undefined, (error) => this.failures.push((error as Error).message));
  readonly faults: MemoryFaults = {};
  readonly database = new MemoryDatabase();
  readonly unitOfWork = new MemoryUnitOfWork(this.database, this.faults);
  readonly inbox = new MemoryInbox(this.unitOfWork);
  readonly deadLetters = new MemoryDeadLetters(this.unitOfWork);
  readonly positions = new MemoryPositions(this.unitOfWork);
  readonly attempts = new MemoryAttempts(this.database);
  readonly outbox = new MemoryOutbox(
    this.unitOfWork,
    { now: () => new Date() },
    { next: () => randomUUID() },
  );
  /** What the handlers were called with, in order, rolled back or not. */
  readonly calls: {
    readonly event: EventEnvelope;
    readonly flow: Flow | undefined;
    readonly offset: number;
  }[] = [];
  /** Called by the handlers; what it throws is what they fail with. */
  onEvent: (event: EventEnvelope) => void | Promise<void> = () => undefined;

  private readonly apps: NestFastifyApplication[] = [];

  /** @param options see {@link EventLogServer}. */
  async start(
    controllers: Type[] = [this.handler()],
    options: Partial<EventLogServerOptions> = {},
  ): Promise<EventLogServer> {
    const server = new EventLogServer(
      {
        eventLog: this.log,
        unitOfWork: this.unitOfWork,
        inbox: this.inbox,
        positions: this.positions,
        deadLetters: this.deadLetters,
        attempts: this.attempts,
      },
      { group: GROUP, catalogue: lendingCatalogue, maxAttempts: 3, retryDelayMs: 2, ...options },
    );
    const adapter = new FastifyAdapter();
    const module = await Test.createTestingModule({ controllers }).compile();
    const app = module.createNestApplication<NestFastifyApplication>(adapter, { logger: false });
    this.apps.push(app);
    app.useGlobalFilters(new ProblemFilter(adapter));
    app.connectMicroservice({ strategy: server }, { inheritAppConfig: true });
    await app.init();
    await app.startAllMicroservices();
    return server;
  }

  async stop(): Promise<void> {
    await Promise.all(this.apps.splice(0).map((app) => app.close()));
  }

  /** Sets the consumer back to the oldest record of each partition. */
  async rewind(): Promise<void> {
    for (const each of await this.log.describe()) await this.positions.set(GROUP, each, each.start);
  }

  /** Where the consumer is in the partition that all records of these tests are in. */
  async position(): Promise<number | undefined> {
    const [first] = await this.positions.list(GROUP);
    return first?.next;
  }

  /** Each committed effect of a handler is an event in the outbox about the same loan. */
  effects(): readonly (readonly [loan: string, cause: string | undefined])[] {
    return this.outbox.committed().map(({ subject, causationId }) => [subject, causationId]);
  }

  letters(): readonly string[] {
    return this.deadLetters
      .committed(GROUP)
      .map(({ kind, reason, attempts, record }) => `${record.offset} ${kind} (${attempts}): ${reason}`)
      .sort();
  }

  operator({ batches }: EventLogServer): DeadLetterService {
    const { unitOfWork, inbox, deadLetters } = this;
    const service = new DeadLetterService(GROUP);
    service.connect({ unitOfWork, inbox, deadLetters, batches });
    return service;
  }

  /** The partition of most records. */
  async place(): Promise<Pick<ConsumedRecord, 'topic' | 'partition' | 'log'>> {
    const { log = '' } = (await this.log.describe()).find(({ topic }) => topic === TOPIC) ?? {};
    return { topic: TOPIC, partition: 0, log };
  }

  /** Waits until the consumer has handled all that is on the log: its position and the group's offset show it. */
  async settled(): Promise<void> {
    await eventually(async () => {
      const offsets = await this.log.groupOffsets();
      const positions = await this.positions.list(GROUP);
      const partitions = (await this.log.describe()).filter(({ topic }) => topic === TOPIC);
      return (
        partitions.length > 0 &&
        partitions.every(({ partition, log, end }) => {
          const offset = offsets.find((each) => each.partition === partition)?.committed ?? 0;
          const next = positions.find((each) => each.partition === partition && each.log === log)?.next;
          return next === end && offset === end;
        })
      );
    }, 10_000);
  }

  handler(): Type {
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    const world = this;

    @Controller()
    class LendingHandler {
      @EventPattern<string>(BookLent.type)
      lent(@Payload() event: EventOf<typeof BookLent>, @Ctx() { record }: EventContext) {
        return world.shelve(event, record.offset);
      }

      @EventPattern<string>(BookReturned.type)
      returned(@Payload() event: EventOf<typeof BookReturned>, @Ctx() { record }: EventContext) {
        return world.shelve(event, record.offset);
      }
    }
    return LendingHandler;
  }

  private async shelve(event: EventEnvelope, offset: number): Promise<void> {
    this.calls.push({ event, flow: currentFlow(), offset });
    const data = { loanId: event.subject, shelf: 'C7' };
    await this.outbox.add([
      { contract: CopyShelved, subject: event.subject, aggregateVersion: event.aggregateVersion, data },
    ]);
    await this.onEvent(event);
  }
}

/** Two loans whose records share a partition, so that one batch has them both. */
const [LOAN, OTHER] = [
  '5cf0aa4e-0000-4000-8000-00000000000a',
  'cf50aa4e-0000-4000-8000-00000000000a',
] as const;

const sqlError = (code: string) => Object.assign(new Error('terminating connection'), { code });

let version = 0;
const made = <Data>(contract: EventContract<Data>, subject: string, data: Data): EventEnvelope => ({
  id: randomUUID(),
  type: contract.type,
  schemaVersion: 1,
  source: contract.owner,
  subject,
  aggregateVersion: (version += 1),
  time: new Date().toISOString(),
  correlationId: `request of ${subject}`,
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  data,
});
const lent = (loanId: string) => made(BookLent, loanId, { loanId, memberId: 'ada', book: 'Middlemarch' });
const returned = (loanId: string) => made(BookReturned, loanId, { loanId, condition: 'good' });
const renewed = (loanId: string) => made(LoanRenewed, loanId, { loanId, weeks: 4 });
const CONTRACTS: readonly EventContract[] = [BookLent, BookReturned, LoanRenewed];
/** All in one partition, so that one batch has them. */
const record = (event: EventEnvelope) => {
  const contract = CONTRACTS.find(({ type }) => type === event.type) as EventContract;
  return { topic: TOPIC, partition: 0, ...encodeEvent(contract, event) };
};
/** The same record in a version that no consumer knows yet. */
const ofTheFuture = (known: ReturnType<typeof record>) => {
  const schema = `urn:atlas:schema:${known.headers['ce_type']}:9`;
  return { ...known, headers: { ...known.headers, ce_dataschema: schema } };
};

describe('A consumer of the event log', () => {
  let world: World;

  beforeEach(async () => {
    version = 0;
    world = new World();
    await world.log.ensureTopics([{ name: TOPIC, partitions: 6 }]);
  });
  afterEach(() => world.stop());

  it('takes part in the flow that caused an event, so what it does carries on the correlation and the trace', async () => {
    const event = lent(LOAN);
    const ownSpan = expect.stringMatching(
      /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)\w{16}-01$/,
    );
    await world.start();
    world.log.append(record(event));
    await world.settled();
    expect(world.calls.map(({ event: { id }, flow, offset }) => ({ id, flow, offset }))).toEqual([
      {
        id: event.id,
        flow: {
          correlationId: event.correlationId,
          causationId: event.id,
          traceparent: ownSpan,
        },
        offset: 0,
      },
    ]);
    expect(world.outbox.committed()).toMatchObject([
      {
        correlationId: event.correlationId,
        causationId: event.id,
        traceparent: world.calls[0]?.flow?.traceparent,
      },
    ]);
  });

  it('handles an event once, although the log has it twice, and again after a restart', async () => {
    const [first, second] = [lent(LOAN), returned(LOAN)];
    world.log.append(record(first), record(first), record(second), record(first));
    await world.start();
    await world.settled();
    await world.stop();
    await world.rewind();
    await world.start();
    await world.settled();
    expect(world.effects()).toEqual([
      [LOAN, first.id],
      [LOAN, second.id],
    ]);
  });

  it('continues where its database is, which was restored to an earlier time', async () => {
    const [first, ...later] = [lent(LOAN), lent(OTHER), returned(LOAN)] as const;
    world.log.append(record(first));
    await world.start();
    await world.settled();
    const backup = world.database.copy();
    world.log.append(...later.map(record));
    await world.settled();
    await world.stop();

    world.database.restore(backup);
    expect(world.effects()).toEqual([[LOAN, first.id]]);
    await world.start();
    await world.settled();
    expect(world.effects()).toEqual([first, ...later].map(({ subject, id }) => [subject, id]));
  });

  it('continues where its database is, which was restored while it runs', async () => {
    const [first, second, last] = [lent(LOAN), lent(OTHER), returned(LOAN)] as const;
    await world.start();
    world.log.append(record(first));
    await world.settled();
    const backup = world.database.copy();
    world.log.append(record(second));
    await world.settled();

    world.database.restore(backup);
    world.log.append(record(last));
    await world.settled();
    expect(world.effects()).toEqual([first, second, last].map(({ subject, id }) => [subject, id]));
  });

  it('handles nothing twice, even if the log forgets its offsets and the inbox what was handled', async () => {
    const events = [lent(LOAN), lent(OTHER)];
    world.log.append(...events.map(record));
    await world.start();
    await world.settled();
    await world.stop();
    for (const { topic, partition } of await world.log.describe()) {
      await world.log.seekGroup(GROUP, topic, partition, 0);
    }
    world.database.inbox.committed.clear();

    const news = returned(LOAN);
    world.log.append(record(news));
    await world.start();
    await world.settled();
    expect(world.effects()).toEqual([...events, news].map(({ subject, id }) => [subject, id]));
  });

  it('moves its position once per batch, together with the effects, however the batch is split', async () => {
    const poison = lent(LOAN);
    world.onEvent = ({ id }) => {
      if (id === poison.id) throw new Error('no such shelf');
    };
    const positions = new Set<number | undefined>();
    world.faults.beforeCommit = () =>
      void positions.add(world.database.positions.committed.values().next().value?.next);
    world.log.append(...[lent(OTHER), poison, lent(OTHER), returned(OTHER)].map(record));
    await world.start();
    await world.settled();
    expect(world.letters()).toHaveLength(1);
    expect([...positions]).toEqual([undefined, 0, 4]);
    expect(await world.position()).toBe(4);
  });

  it('leaves a batch to the process that has handled it, and makes no dead letter of it', async () => {
    await world.start();
    await world.settled();
    const [partition] = await world.log.describe();
    await world.positions.set(GROUP, partition as PartitionDescription, 2);
    const news = returned(LOAN);
    world.log.append(...[lent(LOAN), lent(OTHER), news].map(record));
    await world.settled();
    expect(world.letters()).toEqual([]);
    expect(world.effects()).toEqual([[LOAN, news.id]]);
  });

  describe('whose log has deleted records that it has not handled', () => {
    const ELSEWHERE = 3;
    const lost = [lent(LOAN), returned(LOAN)];
    const kept = [lent(OTHER), returned(OTHER)];
    const elsewhere = lent(LOAN);

    beforeEach(async () => {
      world.log.append(record(lent(LOAN)));
      await world.start();
      await world.settled();
      await world.stop();
      world.log.append(...[...lost, ...kept].map(record), { ...record(elsewhere), partition: ELSEWHERE });
      world.log.deleteRecords(TOPIC, 0, 3);
    });
    const causes = () =>
      world
        .effects()
        .slice(1)
        .map(([, cause]) => cause);

    it('stands still in this partition only, says so, and continues where it is told to', async () => {
      const server = await world.start();
      await eventually(() => world.effects().length === 2);
      await eventually(() => server.standingStill().length === 1);
      expect(causes()).toEqual([elsewhere.id]);
      expect(server.standingStill()).toEqual([`${TOPIC}/0`]);
      expect(await world.position()).toBe(1);

      const [partition] = await world.log.describe();
      await world.positions.set(GROUP, partition as PartitionDescription, 3);
      await world.settled();
      expect(causes()).toEqual([elsewhere.id, ...kept.map(({ id }) => id)]);
      expect(server.standingStill()).toEqual([]);
      expect(world.letters()).toEqual([]);
    });

    it('continues at the oldest record, if it may', async () => {
      const server = await world.start(undefined, { onLogGap: 'continue' });
      await world.settled();
      expect(causes().sort()).toEqual([elsewhere.id, ...kept.map(({ id }) => id)].sort());
      expect(server.standingStill()).toEqual([]);
    });

    it('stands still, too, where the log has lost its end', async () => {
      const [partition] = await world.log.describe();
      await world.positions.set(GROUP, partition as PartitionDescription, 9);
      const server = await world.start();
      await eventually(() => server.standingStill().length === 1);
      await eventually(() => world.effects().length === 2);
      expect(causes()).toEqual([elsewhere.id]);
    });
  });

  it('announces the aggregates of a batch before it handles it, each once, in its unit of work', async () => {
    const [first, second] = [lent(LOAN), returned(OTHER)];
    const announced: (readonly [ids: readonly string[], handled: number, inUnitOfWork: boolean])[] = [];
    jest.spyOn(world.unitOfWork as UnitOfWork, 'announce').mockImplementation((ids) => {
      announced.push([ids, world.calls.length, world.unitOfWork.current !== undefined]);
    });
    world.log.append(record(first), record(second), record(first));
    await world.start();
    await world.settled();
    expect(announced).toEqual([[[LOAN, OTHER], 0, true]]);
  });

  it('takes events into the inbox that it has no handler for', async () => {
    world.log.append(record(renewed(LOAN)), record(lent(OTHER)));
    await world.start();
    await world.settled();
    expect(world.inbox.count(GROUP)).toBe(2);
    expect(world.effects()).toHaveLength(1);
  });

  it('passes over events of types and versions that it neither knows nor handles', async () => {
    const [news, other] = [record(lent(LOAN)), record(renewed(LOAN))];
    world.log.append(
      { ...news, headers: { ...news.headers, ce_type: 'lending.book-eaten' } },
      ofTheFuture(other),
      record(returned(LOAN)),
    );
    await world.start();
    await world.settled();
    expect(world.letters()).toEqual([]);
    expect(world.inbox.count(GROUP)).toBe(3);
    expect(world.effects().map(([loan]) => loan)).toEqual([LOAN]);
  });

  it('sets nothing aside that another process could read and has handled', async () => {
    const event = lent(LOAN);
    const tooNew = ofTheFuture(record(event));
    await world.inbox.admit(GROUP, [event.id]);
    world.log.append(tooNew, record(returned(LOAN)));
    await world.start();
    await world.settled();
    expect(world.letters()).toEqual([]);
    expect(world.effects().map(([loan]) => loan)).toEqual([LOAN]);
  });

  it('sets nothing aside that another process has handled while it tried', async () => {
    const event = lent(LOAN);
    let calls = 0;
    world.onEvent = ({ id }) => {
      if (id !== event.id) return;
      calls += 1;
      // Committed apart from the unit of work that fails, as another process would.
      if (calls === 4) world.database.inbox.committed.set(`${GROUP} ${event.id}`, Date.now());
      throw new Error('no such shelf');
    };
    world.log.append(record(event), record(returned(LOAN)));
    await world.start();
    await world.settled();
    expect(calls).toBe(4);
    expect(world.letters()).toEqual([]);
    expect(world.effects().map(([loan]) => loan)).toEqual([LOAN]);
  });

  it('resolves the letter of an event that another process has handled, though it cannot read it', async () => {
    const event = lent(LOAN);
    const tooNew = ofTheFuture(record(event));
    world.log.append(tooNew, record(returned(LOAN)));
    const operator = world.operator(await world.start());
    await world.settled();
    const [letter] = await operator.list({ state: 'open', limit: 9 });
    expect(await operator.replay(letter!.id)).toMatchObject({ failed: { id: letter!.id } });

    await world.inbox.admit(GROUP, [event.id]);
    const replayed = await operator.replay(letter!.id);

    expect(replayed).toMatchObject({ state: 'done', failed: undefined });
    expect(await operator.list({ state: 'open', limit: 9 })).toEqual([]);
    expect(world.effects().map(([loan]) => loan)).toEqual([LOAN]);
  });

  it('reports no failure of a letter that another operator resolved meanwhile', async () => {
    world.onEvent = () => {
      throw new Error('no such shelf');
    };
    world.log.append(record(lent(LOAN)));
    const operator = world.operator(await world.start());
    await world.settled();
    const [letter] = await operator.list({ state: 'open', limit: 9 });
    const failedAgain = world.deadLetters.failedAgain.bind(world.deadLetters);
    world.deadLetters.failedAgain = async (...args) => {
      await world.deadLetters.resolve(GROUP, letter!.id, 'replayed');
      return failedAgain(...args);
    };
    expect(await operator.replay(letter!.id)).toEqual({ state: 'done', replayed: [], failed: undefined });
  });

  it('stands still where it would set aside more than its limit, and continues when letters are resolved', async () => {
    const broken = (key: string) => ({ topic: TOPIC, partition: 0, key, value: Buffer.from('{}') });
    const server = await world.start(undefined, { maxOpenLetters: 2 });
    const operator = world.operator(server);
    world.log.append(broken('a'), broken('b'));
    await world.settled();
    const event = lent(OTHER);
    const elsewhere = lent(LOAN);
    world.log.append(broken('c'), record(event), { ...record(elsewhere), partition: 1 });

    await eventually(() => world.effects().length === 1);
    await eventually(() => world.failures.length > 3);

    expect(world.failures).toContain(
      `2 dead letters are open, as many as DEAD_LETTERS_MAX allows: ${TOPIC}/0 stands still until some of them are ` +
        'replayed or discarded, see docs/dead-letters.md',
    );
    expect(world.effects()).toEqual([[LOAN, elsewhere.id]]);
    expect(world.letters()).toHaveLength(2);
    const [first] = await operator.list({ state: 'open', limit: 9 });
    await operator.discard(first!.id, 'a test');
    await world.settled();
    expect(world.letters()).toHaveLength(3);
    expect(world.effects().map(([loan]) => loan)).toEqual([LOAN, OTHER]);
  });

  it('sets aside an event whose handler never returns, soon and with the others handled', async () => {
    const others = Array.from({ length: 20 }, () => lent(OTHER));
    const [endless, behind] = [lent(LOAN), returned(LOAN)];
    world.onEvent = ({ id }) => (id === endless.id ? new Promise<void>(() => undefined) : undefined);
    world.log.append(...[...others.slice(0, 9), endless, behind, ...others.slice(9)].map(record));
    await world.start(undefined, { unitTimeoutMs: 200 });
    await world.settled();
    expect(world.letters()).toEqual([
      expect.stringMatching(/^10 parked/),
      expect.stringMatching(/^9 handler-failed \(\d\): WorkTimeoutError: it was not handled within 200 ms/),
    ]);
    expect(world.effects()).toEqual(others.map(({ id }) => [OTHER, id]));
    // One in the batch and the attempts alone: it was not searched for by halving.
    expect(world.calls.filter(({ event }) => event.id === endless.id)).toHaveLength(4);
  });

  it('replays within the same time, and reports a handler that never returns', async () => {
    const endless = lent(LOAN);
    world.onEvent = () => new Promise<void>(() => undefined);
    world.log.append(record(endless));
    const operator = world.operator(await world.start(undefined, { unitTimeoutMs: 50 }));
    await world.settled();
    const [letter] = await operator.list({ state: 'open', limit: 9 });
    expect(await operator.replay(letter!.id)).toMatchObject({
      failed: { id: letter!.id, reason: expect.stringContaining('within 50 ms') },
    });
  });

  it.each([
    ['runs into the statement timeout', sqlError('57014')],
    ['waits for a lock in vain', sqlError('55P03')],
    ['gets no answer in time', new Error('Query read timeout')],
    ['always conflicts', sqlError('40P01')],
  ])('sets aside an event that %s, if the database otherwise responds', async (_, failure) => {
    const [poison, other] = [lent(LOAN), lent(OTHER)];
    world.onEvent = ({ id }) => {
      if (id === poison.id) throw Object.assign(new Error('query failed'), { driverError: failure });
    };
    world.log.append(record(poison), record(other));
    await world.start();
    await world.settled();
    expect(world.letters()).toEqual([expect.stringMatching(/^0 handler-failed/)]);
    expect(world.effects()).toEqual([[OTHER, other.id]]);
  });

  it('blames no event for a database that responds to nothing', async () => {
    let isAway = true;
    world.faults.isAway = () => isAway;
    world.onEvent = () => {
      if (isAway) throw new Error('Query read timeout');
    };
    const event = lent(LOAN);
    world.log.append(record(event));
    await world.start();
    await eventually(() => world.calls.length > 10);
    isAway = false;
    await world.settled();
    expect(world.letters()).toEqual([]);
    expect(world.effects()).toEqual([[LOAN, event.id]]);
  });

  it('blames no event for what happens before its handler is called', async () => {
    let failures = 20;
    const { blockedKeys } = world.deadLetters;
    world.deadLetters.blockedKeys = async (...args) => {
      if (failures-- > 0) throw sqlError('57014');
      return blockedKeys.apply(world.deadLetters, args);
    };
    const event = lent(LOAN);
    world.log.append(record(event));
    await world.start();
    await world.settled();
    expect(world.letters()).toEqual([]);
    expect(world.effects()).toEqual([[LOAN, event.id]]);
  });

  it('sets aside what it cannot read, with the later records of its key, and goes on with the others', async () => {
    const future = ofTheFuture(record(lent(LOAN)));
    const unreadable = { topic: TOPIC, partition: 0, key: LOAN, value: Buffer.from([0xff, 0x00]) };
    world.log.append(unreadable, future, record(returned(LOAN)), record(lent(OTHER)), {
      topic: TOPIC,
    });
    await world.start();
    await world.settled();
    const letters = world.deadLetters
      .committed(GROUP)
      .map(({ kind, reason, record: { key } }) => [key, kind, reason]);
    expect(letters).toHaveLength(4);
    expect(letters).toEqual(
      expect.arrayContaining([
        [LOAN, 'malformed', expect.stringContaining('"ce_specversion" is missing')],
        [LOAN, 'parked', expect.stringContaining('an earlier record')],
        [LOAN, 'parked', expect.stringContaining('an earlier record')],
        [null, 'malformed', 'the record has no value'],
      ]),
    );
    expect(world.effects().map(([loan]) => loan)).toEqual([OTHER]);
    expect(world.inbox.count(GROUP)).toBe(1);
  });

  it('keeps both letters if a topic is made anew and another record fails at the place of an old letter', async () => {
    world.onEvent = () => {
      throw new Error('no such shelf');
    };
    const [old, fresh, behind] = [lent(LOAN), lent(OTHER), returned(LOAN)];
    world.log.append(record(old));
    await world.start();
    await world.settled();
    await world.stop();

    world.log.deleteTopic(TOPIC);
    await world.log.ensureTopics([{ name: TOPIC, partitions: 6 }]);
    world.log.append(record(fresh), record(behind));
    await world.start();
    await world.settled();

    const letters = world.deadLetters.committed(GROUP);
    expect(letters.map(({ kind, record: { key, offset } }) => `${kind} ${key} ${offset}`).sort()).toEqual([
      `handler-failed ${LOAN} 0`,
      `handler-failed ${OTHER} 0`,
      // The letter of the old log is still open, and no later event of its key overtakes it.
      `parked ${LOAN} 1`,
    ]);
    expect(world.effects()).toEqual([]);
  });

  it('parks later records of a key whose dead letter came in an earlier batch', async () => {
    world.log.append({ topic: TOPIC, partition: 0, key: LOAN, value: Buffer.from('{}') });
    await world.start();
    await world.settled();
    world.log.append(record(lent(LOAN)), record(lent(OTHER)));
    await world.settled();
    expect(world.letters()).toEqual([
      expect.stringContaining('0 malformed'),
      expect.stringMatching(/^1 parked \(0\): an earlier record with the key/),
    ]);
    expect(world.effects().map(([loan]) => loan)).toEqual([OTHER]);
  });

  it('finds the one event that fails in its batch, tries it again, and sets it aside with those behind it', async () => {
    const others = Array.from({ length: 20 }, () => lent(OTHER));
    const poison = lent(LOAN);
    const batch = [...others.slice(0, 9), poison, returned(LOAN), ...others.slice(9)];
    world.onEvent = ({ id }) => {
      if (id === poison.id) throw new TypeError('no such shelf');
    };
    world.log.append(...batch.map(record));
    await world.start();
    await world.settled();
    expect(world.effects()).toEqual(others.map(({ id }) => [OTHER, id]));
    const tries = world.calls.filter(({ event }) => event.id === poison.id).length;
    expect(world.letters()).toEqual([
      expect.stringMatching(/^10 parked/),
      `9 handler-failed (${tries}): TypeError: no such shelf`,
    ]);
    expect(tries).toBeGreaterThanOrEqual(3);
    expect(world.inbox.count(GROUP)).toBe(20);
  });

  it('keeps the order of a key while its first event is tried again', async () => {
    const [first, second, other] = [lent(LOAN), returned(LOAN), lent(OTHER)];
    let failures = 3;
    world.onEvent = ({ id }) => {
      if (id === first.id && failures-- > 0) throw new Error('not yet');
    };
    world.log.append(record(first), record(second), record(other));
    await world.start();
    await world.settled();
    expect(world.letters()).toEqual([]);
    expect(world.effects().filter(([loan]) => loan === LOAN)).toEqual([
      [LOAN, first.id],
      [LOAN, second.id],
    ]);
    expect(world.effects()).toHaveLength(3);
  });

  it('does not park on redelivery what it had handled before its key was blocked', async () => {
    const [handled, poison] = [lent(LOAN), returned(LOAN)];
    world.onEvent = ({ id }) => {
      if (id === poison.id) throw new Error('no such shelf');
    };
    world.log.append(record(handled), record(poison));
    await world.start();
    await world.settled();
    await world.stop();
    await world.rewind();
    await world.start();
    await world.settled();
    expect(world.letters()).toEqual([expect.stringContaining('1 handler-failed')]);
    expect(world.effects()).toEqual([[LOAN, handled.id]]);
  });

  it('waits for a database that is away, however long, and makes no dead letter of it', async () => {
    const events = [lent(LOAN), returned(LOAN), lent(OTHER)];
    let away = true;
    let refusals = 0;
    world.faults.beforeCommit = () => {
      if (!away) return;
      refusals += 1;
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    };
    world.log.append(...events.map(record));
    await world.start();
    await eventually(() => refusals > 20);
    away = false;
    await world.settled();
    expect(world.letters()).toEqual([]);
    expect(world.effects()).toEqual(events.map(({ subject, id }) => [subject, id]));
  });

  it('blames no event for a database that goes away under its handler, however often', async () => {
    let interruptions = 20;
    world.onEvent = () => {
      if (interruptions-- <= 0) return;
      throw Object.assign(new Error('query failed'), { driverError: sqlError('57P01') });
    };
    const event = lent(LOAN);
    world.log.append(record(event));
    await world.start();
    await world.settled();
    expect(world.letters()).toEqual([]);
    expect(world.effects()).toEqual([[LOAN, event.id]]);
  });

  it('sets aside what has ended its process thrice, wherever in its batch, and handles the others', async () => {
    const [other, fatal, behind] = [lent(OTHER), lent(LOAN), returned(LOAN)];
    const place = await world.place();
    await world.attempts.begin(GROUP, { ...place, unit: 'batch', offset: 0 });
    for (let death = 0; death < 3; death += 1) {
      await world.attempts.begin(GROUP, { ...place, unit: 'record', offset: 1 });
    }
    world.log.append(record(other), record(fatal), record(behind), record(returned(OTHER)));
    await world.start();
    await world.settled();
    expect(world.letters()).toEqual([
      '1 process-died (3): The process died 3 times while it handled this record.',
      expect.stringMatching(/^2 parked/),
    ]);
    expect(world.effects().map(([loan]) => loan)).toEqual([OTHER, OTHER]);
    expect(world.database.attempts.size).toBe(0);
  });

  it('blames no event for a database that goes away where it looks for one that ended its process', async () => {
    const events = [lent(LOAN), returned(LOAN), lent(OTHER)];
    let interruptions = 20;
    const away = () => {
      if (interruptions-- > 0) throw Object.assign(new Error('query failed'), { code: 'ECONNREFUSED' });
    };
    world.onEvent = away;
    // What is taken down stays as it is: the end can't be written, either.
    world.attempts.end = async () =>
      interruptions > 0 ? away() : MemoryAttempts.prototype.end.call(world.attempts, GROUP, TOPIC, 0);
    await world.attempts.begin(GROUP, { ...(await world.place()), unit: 'batch', offset: 0 });
    world.log.append(...events.map(record));
    await world.start();
    await world.settled();
    expect(world.letters()).toEqual([]);
    expect(world.effects()).toEqual(events.map(({ subject, id }) => [subject, id]));
  });

  it('counts batches, records and dead letters, and how old the oldest record was', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter });
    const provider = new MeterProvider({ readers: [reader] });
    metrics.setGlobalMeterProvider(provider);
    const news = record(lent(LOAN));
    world.log.append(
      record(lent(LOAN)),
      { topic: TOPIC, partition: 0, key: OTHER },
      { ...news, headers: { ...news.headers, ce_type: 'lending.book-eaten' } },
    );
    await world.start();
    await world.settled();
    await world.stop();
    await reader.forceFlush();
    metrics.disable();
    const measured = (exporter.getMetrics().at(-1)?.scopeMetrics ?? [])
      .flatMap((scope) => scope.metrics)
      .flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => [
          descriptor.name,
          attributes,
          typeof value === 'object' ? value.count : value,
        ]),
      );
    await provider.shutdown();
    expect(measured).toEqual([
      ['atlas.consumer.log_gaps', {}, 0],
      ['atlas.consumer.standing_still', {}, 0],
      ['atlas.consumer.batch.duration', { topic: TOPIC, outcome: 'handled' }, 1],
      ['atlas.consumer.record.age', { topic: TOPIC }, 1],
      ['atlas.consumer.records', { topic: TOPIC }, 3],
      ['atlas.consumer.dead_letters', { topic: TOPIC, kind: 'malformed' }, 1],
      ['atlas.consumer.passed_over', { topic: TOPIC }, 1],
      ['atlas.consumer.dead_letters.open', {}, 1],
      ['atlas.consumer.dead_letters.limit', {}, 10_000],
    ]);
  });

  it('finishes the batch in hand before it stops', async () => {
    const gate = Promise.withResolvers<void>();
    world.onEvent = () => gate.promise;
    world.log.append(record(lent(LOAN)));
    await world.start();
    await eventually(() => world.calls.length === 1);
    const effectsAtStop = world.stop().then(() => world.effects().length);
    // Many a chance to stop too early.
    for (let turn = 0; turn < 100; turn += 1) await setImmediate();
    gate.resolve();
    expect(await effectsAtStop).toBe(1);
    await world.settled();
  });

  it('joins a log that is away at first, as soon as it is there', async () => {
    const subscribe = world.log.subscribe.bind(world.log);
    let away = true;
    world.log.subscribe = async (subscription: Subscription) => {
      if (away) throw new Error('connect ECONNREFUSED');
      return subscribe(subscription);
    };
    world.log.append(record(lent(LOAN)));
    const server = await world.start();
    expect(server.assignment()).toBeUndefined();
    away = false;
    await world.settled();
    expect(server.assignment()).toHaveLength(6);
    expect(world.effects()).toHaveLength(1);
  });

  it('waits for topics that their relays have yet to create, says so, and creates none', async () => {
    world = new World();
    const server = await world.start();
    await eventually(() => server.waitsFor === `Topic "${TOPIC}" doesn't exist yet: its relay creates it`);
    expect(await world.log.describe()).toEqual([]);
    await world.log.ensureTopics([{ name: TOPIC, partitions: 6 }]);
    world.log.append(record(lent(LOAN)));
    await world.settled();
    expect(world.effects()).toHaveLength(1);
  });

  it('ends its process if a topic is not as declared', async () => {
    world = new World();
    await world.log.ensureTopics([{ name: TOPIC, partitions: 5 }]);
    const server = await world.start();
    await expect(server['joined']).rejects.toThrow(`Topic "${TOPIC}" has 5 partitions, not 6`);
  });

  it('refuses at start what would never be called, or in no certain order', async () => {
    @Controller()
    class Misspelt {
      @EventPattern<string>('lending.book-lnt')
      handle() {}
    }
    @Controller()
    class Twice {
      @EventPattern<string>(BookReturned.type)
      one() {}
      @EventPattern<string>(BookReturned.type)
      two() {}
    }
    @Controller()
    class Asks {
      @MessagePattern('shelf-of')
      answer() {}
    }
    await expect(world.start([Misspelt])).rejects.toThrow('"lending.book-lnt") names no event');
    await expect(world.start([Twice])).rejects.toThrow('Two methods handle "lending.book-returned"');
    await expect(world.start([Asks])).rejects.toThrow('services talk by events');
  });

  it('joins no group if it handles no event, so that a service may only publish', async () => {
    @Controller()
    class Silent {}
    world = new World();
    await world.log.ensureTopics([{ name: TOPIC, partitions: 6 }]);
    const server = await world.start([Silent]);
    world.log.append(record(lent(LOAN)));
    await expect(server['joined']).resolves.toBeUndefined();
    expect(server.assignment()).toEqual([]);
    expect(await world.log.groupOffsets()).toEqual([]);
    await world.stop();
  });
});
