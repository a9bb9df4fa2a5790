import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import type { EventCatalogue, EventEnvelope } from '@atlas/events';
import {
  type ConsumedRecord,
  type Consumer,
  type EventLog,
  runInFlow,
  spanWithin,
  TopicsDifferError,
} from '@atlas/ports/adapters';
import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import { isObservable, lastValueFrom } from 'rxjs';
import { ConfigError } from '../config';
import { BatchProcessor, type BatchProcessorOptions, type BatchProcessorPorts } from './batch-processor';
import { DeadLetterPruner } from './dead-letter-pruner';
import { EventContext } from './event-context';
import { InboxPruner } from './inbox-pruner';
import { type OnLogGap, StartPositions } from './start-positions';

export interface EventLogServerPorts extends BatchProcessorPorts {
  readonly eventLog: EventLog;
}

export interface EventLogServerOptions extends Omit<BatchProcessorOptions, 'group' | 'decode'> {
  /** The consumer group, which is also the name in inbox and dead letters: the service's. */
  readonly group: string;
  /** The events that `@EventPattern` methods may name; others are passed over. */
  readonly catalogue: EventCatalogue;
  /** How long an outbox can publish an event again, milliseconds. Default 0. */
  readonly outboxRetentionMs?: number | undefined;
  /** How long the inbox remembers an event, milliseconds. Default: a day longer than it can be delivered again. */
  readonly inboxRetentionMs?: number | undefined;
  /** How long resolved dead letters are kept at least, milliseconds. Default: 30 days. */
  readonly deadLetterRetentionMs?: number | undefined;
  /** What to do about records that the log has deleted before they were handled. Default: stop. */
  readonly onLogGap?: OnLogGap | undefined;
}

/**
 * Nest's transport over the event log: calls `@EventPattern(BookLent.type)` methods with the decoded event. How
 * batches are handled is up to {@link BatchProcessor}.
 */
export class EventLogServer extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('event-log');
  override readonly propagatesEventHandlerErrors = true;

  private readonly stopping = new AbortController();
  readonly batches: BatchProcessor;
  private readonly starts: StartPositions;
  /** Why it hasn't joined its group yet, if it has tried. */
  waitsFor: string | undefined;
  private joined: Promise<Consumer | undefined> = Promise.resolve(undefined);
  private consumer: Consumer | undefined;
  private pruners: readonly (InboxPruner | DeadLetterPruner)[] | undefined;

  constructor(
    private readonly ports: EventLogServerPorts,
    private readonly options: EventLogServerOptions,
  ) {
    super();
    const { group, onLogGap = 'stop' } = options;
    this.starts = new StartPositions(ports.positions, group, onLogGap, () => this.assignment() ?? []);
    this.batches = new BatchProcessor(
      ports,
      { ...options, decode: options.catalogue.decode },
      {
        handles: (type) => this.messageHandlers.has(type),
        handle: (event, record) => this.dispatch(event, record),
      },
    );
  }

  /** The partitions that this process owns, none if it handles no event; undefined until it has joined its group. */
  assignment(): readonly string[] | undefined {
    return this.messageHandlers.size === 0 ? [] : this.consumer?.assignment();
  }

  /** Those of them that stand still, because the log lacks what comes next, as `topic/partition`. */
  standingStill(): readonly string[] {
    return this.starts.standingStill().map(({ topic, partition }) => `${topic}/${partition}`);
  }

  override addHandler(pattern: unknown, handler: MessageHandler, isEventHandler = false): void {
    const type = String(pattern);
    if (!isEventHandler) {
      throw new Error(
        `@MessagePattern("${type}") is not supported: services talk by events, so use @EventPattern`,
      );
    }
    if (!this.options.catalogue.contracts.some((contract) => contract.type === type)) {
      throw new Error(`@EventPattern("${type}") names no event in the catalogue; use the type of a contract`);
    }
    if (this.messageHandlers.has(type)) {
      throw new Error(`Two methods handle "${type}"; merge them, because their order would be undefined`);
    }
    this.messageHandlers.set(type, handler);
  }

  /**
   * Joins the group in the background, with retries: an unavailable log must not stop the service. One that handles no
   * event, and may yet publish some, has nothing to join.
   */
  listen(callback: () => void): void {
    if (this.messageHandlers.size > 0) this.joined = this.join();
    callback();
  }

  async close(): Promise<void> {
    this.stopping.abort();
    // If joining has failed for good, the process ends because of that.
    await (await this.joined.catch(() => undefined))?.stop();
    this.consumer = undefined;
    await Promise.all(this.pruners?.map((pruner) => pruner.stop()) ?? []);
  }

  on(): never {
    throw new Error('The event log emits no events of its own');
  }

  unwrap<T>(): T {
    return this.ports.eventLog as T;
  }

  private async join(): Promise<Consumer | undefined> {
    const { group, catalogue } = this.options;
    const topics = catalogue.topicsOf(this.messageHandlers.keys());
    const names = topics.map(({ name }) => name);
    const patiently = retry(
      handleWhen((error) => !isPermanent(error)),
      {
        maxAttempts: Infinity,
        backoff: new ExponentialBackoff({ initialDelay: 200, maxDelay: 2_000 }),
      },
    );
    patiently.onFailure(({ reason }) => {
      const error = ('error' in reason ? reason.error : reason.value) as Error;
      if (isPermanent(error) || error.message === this.waitsFor) return;
      this.waitsFor = error.message;
      this.logger.warn(`Can't join the event log yet, retrying: ${error.message}`);
    });
    try {
      return await patiently.execute(async () => {
        if (this.stopping.signal.aborted) return undefined;
        await this.ports.eventLog.checkTopics(topics);
        this.pruners ??= await this.startPruners(names);
        this.consumer = await this.ports.eventLog.subscribe({
          group,
          topics: names,
          startAt: (partitions) => this.starts.startAt(partitions),
          handle: (batch, signal) => this.batches.handle(batch, signal),
        });
        this.logger.log(`"${group}" consumes ${names.join(', ')}`);
        return this.consumer;
      }, this.stopping.signal);
    } catch (error) {
      if (this.stopping.signal.aborted) return undefined;
      // Nothing awaits this promise, so the process ends; log the reason first.
      this.logger.error((error as Error).message);
      throw error;
    }
  }

  /** @throws ConfigError if the inbox would forget events that can be delivered again. */
  private async startPruners(
    topics: readonly string[],
  ): Promise<readonly (InboxPruner | DeadLetterPruner)[]> {
    const { eventLog, inbox, deadLetters } = this.ports;
    const { group, outboxRetentionMs = 0, inboxRetentionMs, deadLetterRetentionMs } = this.options;
    const askWindow = () => eventLog.redeliveryWindowMs(topics);
    const ofInbox = new InboxPruner(inbox, group, askWindow, outboxRetentionMs, inboxRetentionMs);
    const ofLetters = new DeadLetterPruner(deadLetters, group, askWindow, deadLetterRetentionMs);
    await ofInbox.check();
    for (const pruner of [ofInbox, ofLetters]) pruner.start();
    return [ofInbox, ofLetters];
  }

  private async dispatch(event: EventEnvelope, record: ConsumedRecord): Promise<void> {
    const handler = this.messageHandlers.get(event.type);
    const { correlationId } = event;
    const traceparent = spanWithin(event.traceparent);
    await runInFlow({ correlationId, causationId: event.id, traceparent }, async () => {
      const result: unknown = await handler?.(event, new EventContext([record]));
      if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
    });
  }
}

/** True if a retry can't help: somebody must change a setting or a topic. */
const isPermanent = (error: unknown): boolean =>
  error instanceof ConfigError || error instanceof TopicsDifferError;
