import { Logger } from '@nestjs/common';
import type { DecodeEvent, EventEnvelope } from '@atlas/events';
import { shortened } from '@atlas/kernel';
import {
  type Attempts,
  type ConsumedRecord,
  type DeadLetter,
  type DeadLetters,
  type Inbox,
  PositionMovedError,
  type Positions,
  type RecordBatch,
  type UnitOfWork,
} from '@atlas/ports/adapters';
import { isInfrastructureError } from '@atlas/resilience';
import { bulkhead, ExponentialBackoff, fullJitterGenerator, handleWhen, retry } from 'cockatiel';
import { ConsumerMetrics } from './consumer-metrics';
import { CrashGuard } from './crash-guard';

export interface BatchProcessorPorts {
  readonly unitOfWork: UnitOfWork;
  readonly inbox: Inbox;
  readonly positions: Positions;
  readonly deadLetters: DeadLetters;
  readonly attempts: Attempts;
}

export interface BatchProcessorOptions {
  /** The consumer's name in inbox and dead letters. */
  readonly group: string;
  readonly decode: DecodeEvent;
  /** How often a failing event is tried on its own before it becomes a dead letter. Default 5. */
  readonly maxAttempts?: number | undefined;
  /** The longest wait before the second try, milliseconds; it doubles with each. Default 200, so up to 3 s in all. */
  readonly retryDelayMs?: number | undefined;
}

export interface EventHandlers {
  handles(type: string): boolean;
  /** Called in the unit of work of the batch, and only for types that it handles. */
  handle(event: EventEnvelope, record: ConsumedRecord): Promise<void>;
}

/** Units of work at a time when many keys of a batch fail: requests need connections, too. */
const MAX_UNITS = 4;

/** A record that ended its process this often, all on its own, is set aside. */
const MAX_DEATHS = 3;

/** One record of a batch on its way through the handlers. */
interface Item {
  readonly record: ConsumedRecord;
  readonly decoded: ReturnType<DecodeEvent>;
  /** How often its handler was called. */
  attempts: number;
}

/** A record whose handler failed, and the later ones of its key, which must wait for it. */
type Held = [Item, ...Item[]];

/**
 * Handles batches of records, so that each event takes effect exactly once.
 *
 * A batch is one unit of work: the consumer's position, the inbox rows of all its events, the handlers' changes and the
 * events that these cause. So each event takes effect once, however often the log delivers it, and a consumer whose
 * database was restored continues where that database was. If the position is not where the batch begins, another
 * process has handled it: nothing is committed, and the log asks for the position again. Events without a handler enter the inbox, too. A
 * record that can't be decoded becomes a dead letter at once, and later records of its key are parked.
 *
 * If a handler throws, the batch is rolled back and halved until the failing events stand alone; the others commit. A
 * failing event is retried with backoff and full jitter, then becomes a dead letter, and later events of its key are
 * parked behind it. An unavailable database is not the event's fault: the batch fails, and the log delivers it again
 * after a pause. An event that kills its process is delivered again to the next one: {@link CrashGuard} notices, and
 * the batch is handled record by record until the culprit is found.
 */
export class BatchProcessor {
  private readonly logger = new Logger(BatchProcessor.name);
  private readonly units = bulkhead(MAX_UNITS, Number.MAX_SAFE_INTEGER);
  private readonly guard: CrashGuard;
  private readonly metrics: ConsumerMetrics;

  constructor(
    private readonly ports: BatchProcessorPorts,
    private readonly options: BatchProcessorOptions,
    private readonly handlers: EventHandlers,
  ) {
    this.guard = new CrashGuard(ports.attempts, options.group);
    this.metrics = new ConsumerMetrics(() => ports.deadLetters.countOpen(options.group));
  }

  /**
   * When it resolves, every record is handled or a dead letter. When it rejects, the batch must be delivered again.
   * @param signal aborts when the partition is taken away or the process stops.
   */
  async handle(batch: RecordBatch, signal: AbortSignal): Promise<void> {
    const { records } = batch;
    const ended = this.metrics.begin(batch);
    const items = records.map((record) => ({ record, decoded: this.options.decode(record), attempts: 0 }));
    try {
      const isSuspicious = await this.guard.begin(batch);
      if (isSuspicious) {
        await this.processOneByOne(items, signal);
        await this.advance(batch);
      } else {
        await this.process(items, signal, batch);
      }
      await this.guard.end(batch);
      ended('handled');
    } catch (error) {
      ended('failed');
      await this.guard.failed(batch);
      if (!signal.aborted) {
        this.logger.warn(
          `A batch of ${records.length} records failed and will be retried: ${(error as Error).message}`,
        );
      }
      throw error;
    }
  }

  /** Handles the event of a dead letter in the open unit of work, unless it was handled before. */
  async redeliver(record: ConsumedRecord, event: EventEnvelope): Promise<void> {
    const [due] = await this.ports.inbox.admit(this.options.group, [event.id]);
    if (due !== undefined) await this.dispatch(event, record);
  }

  /**
   * Handles the items in order, each at most once: afterwards each is handled or a dead letter.
   * @param whole the batch that they are, whose position then moves: with them, or after the last part.
   */
  private async process(items: readonly Item[], signal: AbortSignal, whole?: RecordBatch): Promise<void> {
    const held: Held[] = [];
    const isMoved = await this.commitOrHold(items, held, signal, whole);
    // Each held key on its own, so that one that keeps failing does not delay the others.
    const outcomes = await Promise.allSettled(held.map((chain) => this.settle(chain, signal)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
    if (whole && !isMoved) await this.advance(whole);
  }

  /** Joins the open unit of work. @throws PositionMovedError */
  private advance(batch: RecordBatch): Promise<void> {
    const { unitOfWork, positions } = this.ports;
    return unitOfWork.run(() => positions.move(this.options.group, batch, batch.from, batch.to));
  }

  /** Finds the record that kills the process, and sets it aside instead of retrying it. */
  private async processOneByOne(items: readonly Item[], signal: AbortSignal): Promise<void> {
    for (const item of items) {
      if (signal.aborted) throw new Error('The partition was revoked');
      if ((await this.handledBefore([item])).size > 0) continue;
      const { record, decoded } = item;
      // A record that can't be decoded calls no handler.
      const deaths = decoded.ok ? (await this.guard.beginRecord(record)) - 1 : 0;
      if (deaths < MAX_DEATHS) {
        await this.process([item], signal);
        continue;
      }
      const { topic, partition, offset } = record;
      const reason = `The process died ${deaths} times while it handled this record.`;
      this.logger.error(`${topic}/${partition}@${offset} is a dead letter: ${reason}`);
      await this.setAside({ record, kind: 'process-died', reason, attempts: deaths });
    }
  }

  /**
   * Commits all items except those whose handler fails; adds these to `held`, with the later ones of their keys.
   * @returns whether all were committed together, with the position of the batch.
   */
  private async commitOrHold(
    items: readonly Item[],
    held: Held[],
    signal: AbortSignal,
    whole?: RecordBatch,
  ): Promise<boolean> {
    const free = items.filter((item) => !joinChain(held, item));
    const [first] = free;
    if (!first) return false;
    try {
      await this.commit(free, whole);
      return true;
    } catch (error) {
      if (signal.aborted || isNobodysFault(error)) throw error;
      if (free.length === 1) {
        held.push([first]);
        return false;
      }
      const middle = free.length >> 1;
      await this.commitOrHold(free.slice(0, middle), held, signal);
      await this.commitOrHold(free.slice(middle), held, signal);
      return false;
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
    const reason = reasonOf(error);
    this.logger.error(
      { err: error },
      `${topic}/${partition}@${offset} is a dead letter after ${attempts} attempts: ${reason}`,
    );
    await this.setAside({ record, kind: 'handler-failed', reason, attempts });
  }

  /** @returns whether the letter is open, so that later records of its key must wait. */
  private setAside(letter: DeadLetter): Promise<boolean> {
    const { unitOfWork, deadLetters } = this.ports;
    return unitOfWork.run(() => {
      unitOfWork.afterCommit(() => this.metrics.setAside(letter.record.topic, letter.kind));
      return deadLetters.add(this.options.group, letter);
    });
  }

  /** One unit of work for all items: the position of the batch that they are, inbox, dead letters, and the handlers. */
  private commit(items: readonly Item[], whole?: RecordBatch): Promise<void> {
    return this.units.execute(() => this.commitNow(items, whole));
  }

  private async commitNow(items: readonly Item[], whole?: RecordBatch): Promise<void> {
    const { unitOfWork, inbox } = this.ports;
    await unitOfWork.run(async () => {
      // First, so that a process that is too late notices at once.
      if (whole) await this.advance(whole);
      const blocked = await this.blockedKeys(items);
      // An event that was handled before its key was blocked must not be parked when it is redelivered.
      const before = await this.handledBefore(items.filter((item) => isBlocked(blocked, item)));
      const events = new Map<Item, EventEnvelope>();
      // Grows in the loop: a record that can't be decoded blocks the later ones of its key.
      const blocking = new Set(blocked);
      for (const item of items) {
        const { record, decoded } = item;
        if (isBlocked(blocking, item)) {
          if (decoded.ok && before.has(decoded.value.id)) continue;
          const reason = `an earlier record with the key "${shortened(record.key ?? '', 100)}" is a dead letter`;
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
      // Of two records with the same id, the first is handled.
      const due = [...events].filter(([, event]) => admitted.delete(event.id));
      const handled = due.filter(([, event]) => this.handlers.handles(event.type));
      // Their handlers will ask for these aggregates, one by one.
      unitOfWork.announce(handled.map(([, { subject }]) => subject));
      for (const [item, event] of due) {
        item.attempts += 1;
        await this.dispatch(event, item.record);
      }
    });
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

  private async dispatch(event: EventEnvelope, record: ConsumedRecord): Promise<void> {
    if (this.handlers.handles(event.type)) await this.handlers.handle(event, record);
  }
}

/** The sentence for an operator, whose length depends on what the event says. */
export const reasonOf = (error: unknown): string =>
  shortened(error instanceof Error ? `${error.name}: ${error.message}` : String(error), 2_000);

/** True if the handlers are not to blame: another attempt at the whole batch may succeed, and must decide. */
const isNobodysFault = (error: unknown): boolean =>
  isInfrastructureError(error) || error instanceof PositionMovedError;

const isBlocked = (keys: ReadonlySet<string>, { record: { key } }: Item) => key !== null && keys.has(key);

/** Adds the item to the chain of its key, if there is one. */
function joinChain(held: readonly Held[], item: Item): boolean {
  const { key } = item.record;
  const chain = key === null ? undefined : held.find(([first]) => first.record.key === key);
  chain?.push(item);
  return chain !== undefined;
}
