import { Logger } from '@nestjs/common';
import type { DecodeEvent, EventEnvelope, UndecodableEvent } from '@atlas/events';
import { shortened } from '@atlas/kernel';
import {
  type Attempts,
  type ConsumedRecord,
  type DeadLetter,
  type DeadLetters,
  type Inbox,
  type Positions,
  type RecordBatch,
  type UnitOfWork,
} from '@atlas/ports/adapters';
import { blameOf, WorkTimeoutError } from '@atlas/resilience';
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
  /** How long the handlers of one unit of work, a batch or a part of it, may take together. Default 30,000 ms. */
  readonly unitTimeoutMs?: number | undefined;
  /** With as many open dead letters, a batch that would add one fails, and its partition stands still. Default 10,000. */
  readonly maxOpenLetters?: number | undefined;
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

/** What a consumer makes of a record. */
export interface Reading {
  /** The event's id, if the record is an event: each id takes effect once. */
  readonly id: string | undefined;
  /** The event to handle; undefined if the consumer has no handler for its type and passes over it. */
  readonly event: EventEnvelope | undefined;
  /** Whether its type, or its version of a type that the consumer doesn't handle, is not in the catalogue. */
  readonly isUnknown: boolean;
  /** Why the record must be set aside. */
  readonly refusal: Exclude<UndecodableEvent, { readonly kind: 'unknown-type' }> | undefined;
}

/** Handles an event in the open unit of work. */
type Dispatch = (event: EventEnvelope, record: ConsumedRecord) => Promise<void>;

/** One record of a batch on its way through the handlers. */
interface Item {
  readonly record: ConsumedRecord;
  readonly reading: Reading;
  /** How often its handler was called. */
  attempts: number;
}

/** A record whose handler failed, and the later ones of its key, which must wait for it. */
type Held = [Item, ...Item[]];

/** How far a unit of work has come. */
interface Progress {
  /** Whether a handler was called. */
  hasBegun: boolean;
  /** The item in hand, and since when, in `performance.now()` time. */
  item: Item | undefined;
  since: number;
}

/** A unit of work failed after handlers were called, and the database is not to blame. */
class HandlerFailed extends Error {
  override readonly name = 'HandlerFailed';

  /** @param slow the event that took too long, if one did. */
  constructor(
    override readonly cause: unknown,
    readonly slow: Item | undefined,
  ) {
    super(reasonOf(cause));
  }
}

/** So many dead letters are open that no more are added: something is wrong with more than single records. */
class TooManyDeadLetters extends Error {
  override readonly name = 'TooManyDeadLetters';

  constructor(limit: number, { topic, partition }: ConsumedRecord) {
    super(
      `${limit} dead letters are open, as many as DEAD_LETTERS_MAX allows: ${topic}/${partition} stands still until ` +
        'some of them are replayed or discarded, see docs/dead-letters.md',
    );
  }
}

export const DEFAULT_MAX_OPEN_LETTERS = 10_000;
const DEFAULT_UNIT_TIMEOUT_MS = 30_000;

/**
 * Handles batches of records, so that each event takes effect exactly once.
 *
 * A batch is one unit of work: the consumer's position, the inbox rows of all its events, the handlers' changes and the
 * events that these cause. So each event takes effect once, however often the log delivers it, and a consumer whose
 * database was restored continues where that database was. If the position is not where the batch begins, another
 * process has handled it: nothing is committed, and the log asks for the position again. Events without a handler enter the
 * inbox, too, even if their type is unknown here: they may be newer than this consumer. A record that can't be decoded
 * becomes a dead letter at once, unless another process has handled it, and later records of its key are parked.
 *
 * If a handler throws, the batch is rolled back and halved until the failing events stand alone; the others commit. A
 * failing event is retried with backoff and full jitter, then becomes a dead letter, and later events of its key are
 * parked behind it. So does an event whose handler doesn't return in time, or runs into a timeout of a database that
 * otherwise responds. An unavailable database is not the event's fault: the batch fails, and the log delivers it again
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
    this.metrics = new ConsumerMetrics(
      // More can be open: replicas may exceed the limit by a batch each, and the limit may have been lowered.
      () => ports.deadLetters.countOpen(options.group, 2 * this.maxOpenLetters),
      this.maxOpenLetters,
    );
  }

  private get maxOpenLetters(): number {
    return this.options.maxOpenLetters ?? DEFAULT_MAX_OPEN_LETTERS;
  }

  read(record: ConsumedRecord): Reading {
    const decoded = this.options.decode(record);
    if (decoded.ok) {
      const event = decoded.value;
      const isHandled = this.handlers.handles(event.type);
      return { id: event.id, event: isHandled ? event : undefined, isUnknown: false, refusal: undefined };
    }
    const { error } = decoded;
    const id = error.event?.id;
    const isUnknown =
      error.kind === 'unknown-type' ||
      (error.kind === 'unknown-version' && !this.handlers.handles(error.event?.type ?? ''));
    return {
      id,
      event: undefined,
      isUnknown,
      refusal: isUnknown ? undefined : error,
    };
  }

  /**
   * When it resolves, every record is handled or a dead letter. When it rejects, the batch must be delivered again.
   * @param signal aborts when the partition is taken away or the process stops.
   */
  async handle(batch: RecordBatch, signal: AbortSignal): Promise<void> {
    const { records } = batch;
    const ended = this.metrics.begin(batch);
    const items = records.map((record) => ({ record, reading: this.read(record), attempts: 0 }));
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
          `A batch of ${records.length} records failed and will be retried: ${reasonOf(error)}`,
        );
      }
      throw error;
    }
  }

  /**
   * Runs `work` in a unit of work, as long as a unit may take. `handle` in it handles the event of a dead letter, unless
   * that was handled before.
   */
  redelivering<T>(
    work: (handle: (record: ConsumedRecord, reading: Reading) => Promise<void>) => Promise<T>,
  ): Promise<T> {
    return this.unit((dispatch) =>
      work(async (record, { id, event }) => {
        if (id === undefined) return;
        const [due] = await this.ports.inbox.admit(this.options.group, [id]);
        if (due !== undefined && event) await dispatch(event, record);
      }),
    );
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
      const { record, reading } = item;
      // Without an event, no handler is called.
      const deaths = reading.event ? (await this.guard.beginRecord(record)) - 1 : 0;
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
      if (signal.aborted || !(error instanceof HandlerFailed)) throw error;
      if (free.length === 1) {
        held.push([first]);
        return false;
      }
      const { slow } = error;
      // Halving would wait for it again and again.
      const at = slow ? free.indexOf(slow) : free.length >> 1;
      await this.commitOrHold(free.slice(0, at), held, signal);
      if (slow && !joinChain(held, slow)) held.push([slow]);
      await this.commitOrHold(free.slice(slow ? at + 1 : at), held, signal);
      return false;
    }
  }

  private async settle([failing, ...later]: Held, signal: AbortSignal): Promise<void> {
    const { maxAttempts = 5, retryDelayMs = 200 } = this.options;
    const patiently = retry(
      handleWhen((error) => !signal.aborted && error instanceof HandlerFailed),
      {
        maxAttempts: maxAttempts - 1,
        backoff: new ExponentialBackoff({ generator: fullJitterGenerator, initialDelay: retryDelayMs }),
      },
    );
    try {
      await patiently.execute(() => this.commit([failing]), signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof HandlerFailed)) throw error;
      await this.giveUp(failing, error.cause);
    }
    await this.process(later, signal);
  }

  private async giveUp(item: Item, error: unknown): Promise<void> {
    const { record, attempts } = item;
    const { topic, partition, offset } = record;
    const reason = reasonOf(error);
    const isLetter = await this.ports.unitOfWork.run(async () => {
      // Another process may have handled it: the partition's next owner, or a former one that was not finished.
      if ((await this.handledBefore([item])).size > 0) return false;
      return this.setAside({ record, kind: 'handler-failed', reason, attempts });
    });
    if (!isLetter) return;
    this.logger.error(
      { err: error },
      `${topic}/${partition}@${offset} is a dead letter after ${attempts} attempts: ${reason}`,
    );
  }

  /**
   * @returns whether the letter is open, so that later records of its key must wait.
   * @throws TooManyDeadLetters unless the limit was `checked`.
   */
  private setAside(letter: DeadLetter, checked = false): Promise<boolean> {
    const { unitOfWork, deadLetters } = this.ports;
    const { group } = this.options;
    return unitOfWork.run(async () => {
      if (!checked && (await deadLetters.countOpen(group, this.maxOpenLetters)) >= this.maxOpenLetters) {
        throw new TooManyDeadLetters(this.maxOpenLetters, letter.record);
      }
      unitOfWork.afterCommit(() => this.metrics.setAside(letter.record.topic, letter.kind));
      return deadLetters.add(group, letter);
    });
  }

  /**
   * One unit of work for all items: the position of the batch that they are, inbox, dead letters, and the handlers in order.
   * @throws HandlerFailed if one of the events is to blame, and another error if it can't be.
   */
  private async commit(items: readonly Item[], whole?: RecordBatch): Promise<void> {
    const progress: Progress = { hasBegun: false, item: undefined, since: 0 };
    try {
      await this.units.execute(() => this.commitNow(items, progress, whole));
    } catch (error) {
      // Without a handler, no event can be to blame; nor if the position was moved.
      if (!progress.hasBegun || (await isDatabaseAway(error, this.ports.unitOfWork))) throw error;
      throw new HandlerFailed(error, this.slowOf(error, progress));
    }
  }

  /** The event in hand when something took too long, if it alone took a good part of the time. */
  private slowOf(error: unknown, { item, since }: Progress): Item | undefined {
    if (blameOf(error) !== 'unclear') return undefined;
    const share = (performance.now() - since) / this.unitTimeoutMs;
    return error instanceof WorkTimeoutError && share < 0.5 ? undefined : item;
  }

  private get unitTimeoutMs(): number {
    return this.options.unitTimeoutMs ?? DEFAULT_UNIT_TIMEOUT_MS;
  }

  /** A unit of work that is rolled back if it takes too long, even if a handler never returns. */
  private async unit<T>(work: (dispatch: Dispatch) => Promise<T>): Promise<T> {
    const ms = this.unitTimeoutMs;
    const overdue = new AbortController();
    const timer = setTimeout(
      () => overdue.abort(new WorkTimeoutError(`it was not handled within ${ms} ms (EVENT_TIMEOUT_MS)`)),
      ms,
    );
    try {
      return await this.ports.unitOfWork.run(
        () => work((event, record) => this.handlers.handle(event, record)),
        overdue.signal,
      );
    } finally {
      clearTimeout(timer);
    }
  }

  private async commitNow(items: readonly Item[], progress: Progress, whole?: RecordBatch): Promise<void> {
    const { unitOfWork, inbox } = this.ports;
    await this.unit(async (dispatch) => {
      // Adapters may call this again after a conflict.
      Object.assign(progress, { hasBegun: false, item: undefined } satisfies Partial<Progress>);
      // First, so that a process that is too late notices at once.
      if (whole) await this.advance(whole);
      const blocking = new Set(await this.blockedKeys(items));
      // An event that was handled before its key was blocked must not be parked when it is redelivered; neither must one
      // that another process could read.
      const isUsual = items.every((item) => !isBlocked(blocking, item) && !item.reading.refusal);
      const before = await this.handledBefore(isUsual ? [] : items);
      const readable: (Item & { readonly reading: { readonly id: string } })[] = [];
      let isChecked = false;
      for (const item of items) {
        const { record, reading } = item;
        if (reading.id !== undefined && before.has(reading.id)) continue;
        if (isBlocked(blocking, item)) {
          const reason = `an earlier record with the key "${shortened(record.key ?? '', 100)}" is a dead letter`;
          await this.setAside({ record, kind: 'parked', reason, attempts: 0 }, isChecked);
          isChecked = true;
        } else if (reading.refusal) {
          const { kind, reason } = reading.refusal;
          const isOpen = await this.setAside({ record, kind, reason, attempts: 0 }, isChecked);
          isChecked = true;
          // The set grows: a record that can't be decoded blocks the later ones of its key.
          if (isOpen && record.key !== null) blocking.add(record.key);
        } else {
          readable.push(item as (typeof readable)[number]);
        }
      }
      const ids = readable.map(({ reading: { id } }) => id);
      const admitted = new Set(await inbox.admit(this.options.group, ids));
      // Of two records with the same id, the first is handled.
      const due = readable.filter(({ reading: { id } }) => admitted.delete(id));
      const unknown = due.filter(({ reading: { isUnknown } }) => isUnknown);
      unitOfWork.afterCommit(() => unknown.forEach(({ record }) => this.metrics.passedOver(record.topic)));
      const handled = due.flatMap((item) =>
        item.reading.event ? [[item, item.reading.event] as const] : [],
      );
      // Their handlers will ask for these aggregates, one by one.
      unitOfWork.announce(handled.map(([, { subject }]) => subject));
      for (const [item, event] of handled) {
        item.attempts += 1;
        Object.assign(progress, { hasBegun: true, item, since: performance.now() } satisfies Progress);
        await dispatch(event, item.record);
      }
      progress.item = undefined;
    });
  }

  private async blockedKeys(items: readonly Item[]): Promise<ReadonlySet<string>> {
    const keys = new Set(items.flatMap(({ record: { key } }) => (key === null ? [] : [key])));
    const topic = items[0]?.record.topic ?? '';
    return this.ports.deadLetters.blockedKeys(this.options.group, topic, [...keys]);
  }

  private handledBefore(items: readonly Item[]): Promise<ReadonlySet<string>> {
    const ids = items.flatMap(({ reading: { id } }) => (id === undefined ? [] : [id]));
    return this.ports.inbox.handled(this.options.group, ids);
  }
}

/**
 * Whether the database is to blame for an error, so that the same work may succeed later. After a timeout, its next answer
 * tells: if it responds at once, the work was too slow for it.
 */
export async function isDatabaseAway(error: unknown, unitOfWork: UnitOfWork): Promise<boolean> {
  const blame = blameOf(error);
  return blame === 'database' || (blame === 'unclear' && !(await unitOfWork.responds()));
}

/** The sentence for an operator, whose length depends on what the event says. */
export const reasonOf = (error: unknown): string =>
  shortened(error instanceof Error ? `${error.name}: ${error.message}` : String(error), 2_000);

const isBlocked = (keys: ReadonlySet<string>, { record: { key } }: Item) => key !== null && keys.has(key);

/** Adds the item to the chain of its key, if there is one. */
function joinChain(held: readonly Held[], item: Item): boolean {
  const { key } = item.record;
  const chain = key === null ? undefined : held.find(([first]) => first.record.key === key);
  chain?.push(item);
  return chain !== undefined;
}
