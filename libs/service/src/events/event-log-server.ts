import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import type { DecodeEvent, EventCatalogue, EventEnvelope } from '@atlas/events';
import {
  type Attempts,
  type Consumer,
  type ConsumedRecord,
  type DeadLetter,
  type DeadLetters,
  type EventLog,
  type Inbox,
  type RecordBatch,
  runInFlow,
  spanWithin,
  type UnitOfWork,
} from '@atlas/ports/adapters';
import { isInfrastructureError } from '@atlas/resilience';
import { bulkhead, ExponentialBackoff, fullJitterGenerator, handleWhen, retry } from 'cockatiel';
import { isObservable, lastValueFrom } from 'rxjs';
import { ConfigError } from '../config';
import { ConsumerMetrics } from './consumer-metrics';
import { CrashGuard } from './crash-guard';
import { EventContext } from './event-context';
import { InboxPruner } from './inbox-pruner';

export interface EventLogServerPorts {
  readonly eventLog: EventLog;
  readonly unitOfWork: UnitOfWork;
  readonly inbox: Inbox;
  readonly deadLetters: DeadLetters;
  readonly attempts: Attempts;
}

export interface EventLogServerOptions {
  /** The consumer group, and the name in inbox and dead letters: the service's. */
  readonly group: string;
  /** The events that `@EventPattern` methods may name; records of others become dead letters. */
  readonly catalogue: EventCatalogue;
  /** How often a failing event is tried by itself before it becomes a dead letter. Default 5. */
  readonly maxAttempts?: number;
  /** Longest wait before the second try, milliseconds; it doubles with each. Default 200, so up to 3 s in all. */
  readonly retryDelayMs?: number;
  /** How long the inbox knows an event, milliseconds. Default: as long as the log can deliver it again, and a day. */
  readonly inboxRetentionMs?: number | undefined;
}

/** Units of work at a time, when many keys of a batch fail: requests need connections, too. */
const MAX_UNITS = 4;

/** How often a record may end its process, all by itself, until it is set aside. */
const MAX_DEATHS = 3;

type Decoded = ReturnType<DecodeEvent>;

/** One record of a batch on its way through the handlers. */
interface Item {
  readonly record: ConsumedRecord;
  readonly decoded: Decoded;
  /** How often its handler was started. */
  attempts: number;
}

/** A record whose handler failed, and the later ones of its key, which must wait for it. */
type Held = [Item, ...Item[]];

/**
 * Nest's transport over the event log: `@EventPattern(OrderPlaced.type)` methods get the decoded event.
 *
 * A batch is one unit of work: the inbox rows of all its events, what the handlers change and the events that they
 * cause. So each event takes effect once, however often the log delivers it. Events without a handler are taken into
 * the inbox too. What can't be decoded becomes a dead letter at once, and later records of its key are parked.
 *
 * If a handler throws, the batch is rolled back and halved until the failing events stand alone; the others commit.
 * A failing one is tried again with backoff and full jitter, then becomes a dead letter, and later events of its key
 * are parked behind it. A database that is away is not the message's fault: the batch is given back to the log, which
 * delivers it again after a pause. An event that ends its process comes again in the next one; there {@link CrashGuard}
 * notices, and the batch is handled record by record until the culprit is found.
 */
export class EventLogServer extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('event-log');
  override readonly propagatesEventHandlerErrors = true;

  private readonly stopping = new AbortController();
  private readonly units = bulkhead(MAX_UNITS, Number.MAX_SAFE_INTEGER);
  private readonly guard: CrashGuard;
  private readonly metrics: ConsumerMetrics;
  private joined: Promise<Consumer | undefined> = Promise.resolve(undefined);
  private consumer: Consumer | undefined;
  private keeper: InboxPruner | undefined;

  constructor(
    private readonly ports: EventLogServerPorts,
    private readonly options: EventLogServerOptions,
  ) {
    super();
    this.guard = new CrashGuard(ports.attempts, options.group);
    this.metrics = new ConsumerMetrics(() => ports.deadLetters.countOpen(options.group));
  }

  /** The partitions that this process owns now; undefined as long as it has not joined its group. */
  assignment(): readonly string[] | undefined {
    return this.consumer?.assignment();
  }

  override addHandler(pattern: unknown, handler: MessageHandler, isEventHandler = false): void {
    const type = String(pattern);
    if (!isEventHandler) {
      throw new Error(
        `@MessagePattern("${type}") can't be served: services talk by events, use @EventPattern`,
      );
    }
    if (!this.options.catalogue.contracts.some((contract) => contract.type === type)) {
      throw new Error(`@EventPattern("${type}") names no event of the catalogue; use its contract's type`);
    }
    if (this.messageHandlers.has(type)) {
      throw new Error(`Two methods handle "${type}"; join them, or their order would be left to chance`);
    }
    this.messageHandlers.set(type, handler);
  }

  /** Joins the group in the background, for as long as it takes: a log that is away must not stop the service. */
  listen(callback: () => void): void {
    if (this.messageHandlers.size === 0) {
      throw new Error(`"${this.options.group}" consumes no events: it has no @EventPattern method`);
    }
    this.joined = this.join();
    callback();
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await (await this.joined)?.stop();
    this.consumer = undefined;
    await this.keeper?.stop();
  }

  on(): never {
    throw new Error('The event log has no events of its own to listen to');
  }

  unwrap<T>(): T {
    return this.ports.eventLog as T;
  }

  private async join(): Promise<Consumer | undefined> {
    const { group, catalogue } = this.options;
    const topics = catalogue.topicsOf(this.messageHandlers.keys());
    const names = topics.map(({ name }) => name);
    const patiently = retry(
      handleWhen((error) => !(error instanceof ConfigError)),
      {
        maxAttempts: Infinity,
        backoff: new ExponentialBackoff({ initialDelay: 200, maxDelay: 2_000 }),
      },
    );
    patiently.onFailure(({ reason }) => {
      const error = ('error' in reason ? reason.error : reason.value) as Error;
      if (error instanceof ConfigError) return;
      const { message } = error;
      this.logger.warn(`Can't join the event log yet, trying on: ${message}`);
    });
    try {
      return await patiently.execute(async () => {
        if (this.stopping.signal.aborted) return undefined;
        await this.ports.eventLog.ensureTopics(topics);
        this.keeper ??= await this.keepInbox(names);
        this.consumer = await this.ports.eventLog.subscribe({
          group,
          topics: names,
          handle: (batch, signal) => this.handle(batch, signal),
        });
        this.logger.log(`"${group}" consumes ${names.join(', ')}`);
        return this.consumer;
      }, this.stopping.signal);
    } catch (error) {
      if (this.stopping.signal.aborted) return undefined;
      // Nobody waits for this, so the process ends; the sentence tells why.
      this.logger.error((error as Error).message);
      throw error;
    }
  }

  /** @throws ConfigError if the inbox would forget what the log can deliver again. */
  private async keepInbox(names: readonly string[]): Promise<InboxPruner> {
    const { eventLog, inbox } = this.ports;
    const { group, inboxRetentionMs } = this.options;
    const keeper = new InboxPruner(inbox, group, () => eventLog.redeliveryWindowMs(names), inboxRetentionMs);
    await keeper.check();
    keeper.start(({ message }) => {
      this.logger.warn(`The inbox could not be pruned, trying again later: ${message}`);
    });
    return keeper;
  }

  private async handle(batch: RecordBatch, signal: AbortSignal): Promise<void> {
    const { records } = batch;
    const ended = this.metrics.begin(batch);
    const items = records.map((record) => ({
      record,
      decoded: this.options.catalogue.decode(record),
      attempts: 0,
    }));
    try {
      const suspicious = await this.guard.begin(batch);
      await (suspicious ? this.processCarefully(items, signal) : this.process(items, signal));
      await this.guard.end(batch);
      ended('handled');
    } catch (error) {
      ended('failed');
      await this.guard.failed(batch);
      if (!signal.aborted) {
        this.logger.warn(`A batch of ${records.length} records waits: ${(error as Error).message}`);
      }
      throw error;
    }
  }

  /** Handles the items in order, each at most once, so that every one is handled or a dead letter afterwards. */
  private async process(items: readonly Item[], signal: AbortSignal): Promise<void> {
    const held: Held[] = [];
    await this.commitOrHold(items, held, signal);
    // Each held key on its own, so that one that fails long holds up no other.
    const outcomes = await Promise.allSettled(held.map((chain) => this.settle(chain, signal)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** One by one, so that the one that ends the process is found: it is set aside instead of being tried again. */
  private async processCarefully(items: readonly Item[], signal: AbortSignal): Promise<void> {
    for (const item of items) {
      if (signal.aborted) throw new Error('The partition was taken away');
      if ((await this.handledBefore([item])).size > 0) continue;
      const { record, decoded } = item;
      // What can't be decoded starts no handler.
      const deaths = decoded.ok ? (await this.guard.beginRecord(record)) - 1 : 0;
      if (deaths < MAX_DEATHS) {
        await this.process([item], signal);
        continue;
      }
      const { topic, partition, offset } = record;
      const reason = `The process ended while it handled this record, ${deaths} times.`;
      this.logger.error(`${topic}/${partition}@${offset} is a dead letter: ${reason}`);
      await this.setAside({ record, kind: 'process-died', reason, attempts: deaths });
    }
  }

  /** Commits all items but those whose handler fails, which it adds to `held` with the later ones of their key. */
  private async commitOrHold(items: readonly Item[], held: Held[], signal: AbortSignal): Promise<void> {
    const free = items.filter((item) => !joinChain(held, item));
    const [first] = free;
    if (!first) return;
    try {
      await this.commit(free);
    } catch (error) {
      if (signal.aborted || isInfrastructureError(error)) throw error;
      if (free.length === 1) {
        held.push([first]);
        return;
      }
      const middle = free.length >> 1;
      await this.commitOrHold(free.slice(0, middle), held, signal);
      await this.commitOrHold(free.slice(middle), held, signal);
    }
  }

  private async settle([failing, ...later]: Held, signal: AbortSignal): Promise<void> {
    const { maxAttempts = 5, retryDelayMs = 200 } = this.options;
    const patiently = retry(
      handleWhen((error) => !signal.aborted && !isInfrastructureError(error)),
      {
        maxAttempts: maxAttempts - 1,
        backoff: new ExponentialBackoff({ generator: fullJitterGenerator, initialDelay: retryDelayMs }),
      },
    );
    try {
      await patiently.execute(() => this.commit([failing]), signal);
    } catch (error) {
      if (signal.aborted || isInfrastructureError(error)) throw error;
      await this.giveUp(failing, error as Error);
    }
    await this.process(later, signal);
  }

  private async giveUp({ record, attempts }: Item, error: Error): Promise<void> {
    const { topic, partition, offset } = record;
    const reason = `${error.name}: ${error.message}`;
    this.logger.error(
      { err: error },
      `${topic}/${partition}@${offset} is a dead letter after ${attempts} attempts: ${reason}`,
    );
    await this.setAside({ record, kind: 'handler-failed', reason, attempts });
  }

  /** @returns whether later records of its key must wait for it. */
  private setAside(letter: DeadLetter): Promise<boolean> {
    const { unitOfWork, deadLetters } = this.ports;
    return unitOfWork.run(() => {
      unitOfWork.afterCommit(() => this.metrics.setAside(letter.record.topic, letter.kind));
      return deadLetters.add(this.options.group, letter);
    });
  }

  /** One unit of work for all items: inbox, dead letters, and the handlers in order. */
  private commit(items: readonly Item[]): Promise<void> {
    return this.units.execute(() => this.commitNow(items));
  }

  private async commitNow(items: readonly Item[]): Promise<void> {
    const { unitOfWork, inbox } = this.ports;
    await unitOfWork.run(async () => {
      const blocked = await this.blockedKeys(items);
      // What was handled before its key was blocked must not be parked when it is delivered again.
      const before = await this.handledBefore(items.filter((item) => isBlocked(blocked, item)));
      const events = new Map<Item, EventEnvelope>();
      // Grows on the way: what can't be decoded blocks the later records of its key.
      const blocking = new Set(blocked);
      for (const item of items) {
        const { record, decoded } = item;
        if (isBlocked(blocking, item)) {
          if (decoded.ok && before.has(decoded.value.id)) continue;
          const reason = `an earlier record with the key "${record.key}" is a dead letter`;
          await this.setAside({ record, kind: 'parked', reason, attempts: 0 });
        } else if (decoded.ok) {
          events.set(item, decoded.value);
        } else {
          const isOpen = await this.setAside({ record, ...decoded.error, attempts: 0 });
          if (isOpen && record.key !== null) blocking.add(record.key);
        }
      }
      const ids = [...events.values()].map(({ id }) => id);
      const admitted = new Set(await inbox.admit(this.options.group, ids));
      // An id that is there twice is handled where it comes first.
      const due = [...events].filter(([, event]) => admitted.delete(event.id));
      const handled = due.filter(([, event]) => this.messageHandlers.has(event.type));
      // Their handlers will ask for these aggregates, one by one.
      unitOfWork.announce(handled.map(([, { subject }]) => subject));
      for (const [item, event] of due) {
        item.attempts += 1;
        await this.dispatch(item.record, event);
      }
    });
  }

  /** Handles, in the open unit of work, the event of a record that was set aside, unless it was handled before. */
  async redeliver(record: ConsumedRecord, event: EventEnvelope): Promise<void> {
    const [due] = await this.ports.inbox.admit(this.options.group, [event.id]);
    if (due === undefined) return;
    await this.dispatch(record, event);
  }

  private async blockedKeys(items: readonly Item[]): Promise<ReadonlySet<string>> {
    const keys = new Set(items.flatMap(({ record: { key } }) => (key === null ? [] : [key])));
    const topic = items[0]?.record.topic ?? '';
    return this.ports.deadLetters.blockedKeys(this.options.group, topic, [...keys]);
  }

  private handledBefore(items: readonly Item[]): Promise<ReadonlySet<string>> {
    const ids = items.flatMap(({ decoded }) => (decoded.ok ? [decoded.value.id] : []));
    return this.ports.inbox.handled(this.options.group, ids);
  }

  private async dispatch(record: ConsumedRecord, event: EventEnvelope): Promise<void> {
    const handler = this.messageHandlers.get(event.type);
    if (!handler) return;
    const { correlationId } = event;
    const traceparent = spanWithin(event.traceparent);
    await runInFlow({ correlationId, causationId: event.id, traceparent }, async () => {
      const result: unknown = await handler(event, new EventContext([record]));
      if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
    });
  }
}

const isBlocked = (keys: ReadonlySet<string>, { record: { key } }: Item) => key !== null && keys.has(key);

/** Adds the item to the chain of its key, if there is one. */
function joinChain(held: readonly Held[], item: Item): boolean {
  const { key } = item.record;
  const chain = key === null ? undefined : held.find(([first]) => first.record.key === key);
  chain?.push(item);
  return chain !== undefined;
}
