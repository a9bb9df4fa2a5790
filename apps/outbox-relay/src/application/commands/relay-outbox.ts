import type { Clock, Random } from '@atlas/ports/application';
import type { Backoff, RelayProgress } from '../../domain/relay-progress';
import {
  NoOutboxError,
  OutboxReplacedError,
  type OutboxSource,
  type PublisherSession,
  type PublishingLog,
  type Topics,
  TopicsDifferError,
} from '../ports';

export interface RelaySettings {
  /** Whose outbox it is; also the publisher's name on the log. */
  readonly service: string;
  /** What it publishes to; created if missing. */
  readonly topics: Topics;
  /** The most rows in one page, which is one transaction on the log. */
  readonly batchRows: number;
  /** How long published rows are kept, milliseconds. */
  readonly retentionMs: number;
  /** Default: 100 ms to 5 s. */
  readonly backoff?: Backoff;
}

/** Something that an operator should read in the log. */
export type RelayEvent =
  | { readonly type: 'became-owner'; readonly cursor: string | undefined }
  /** The database server has changed and lost nothing that was published. */
  | { readonly type: 'server-changed'; readonly change: string }
  /** It publishes nothing until an operator adopts the database. Reported once, then once a minute. */
  | { readonly type: 'halted'; readonly reason: string }
  /** Its service hasn't created the outbox yet, as happens when both start together. */
  | { readonly type: 'waits'; readonly reason: string }
  /** Reported once, then once a minute while it continues. */
  | { readonly type: 'failed'; readonly error: unknown; readonly retryInMs: number }
  | { readonly type: 'pruned'; readonly rows: number }
  | { readonly type: 'prune-failed'; readonly error: unknown };

const DEFAULT_BACKOFF: Backoff = { first: 100, most: 5_000 };
/** The longest delay that a lost notification can cause. */
const POLL_MS = 1_000;
/**
 * The wait before the next publication, per record of the last one, and at most. A single event is published at once;
 * under load events are batched, which saves the log and every consumer more than it costs each event.
 */
const PACE_PER_RECORD_MS = 0.5;
const PACE_MS = 20;
const PRUNE_EVERY_MS = 60_000;

/**
 * Publishes one service's outbox: becomes its owner, opens the log's publisher and resumes from the cursor stored on the
 * log. Records and cursor are written in one transaction of the log, so a crash at any moment leaves neither a gap nor a
 * duplicate. On any failure it gives up its ownership, waits, and starts again from the stored cursor, forgetting what
 * it had in memory. It publishes nothing from a database that has lost what was published, until an operator adopts it.
 * Ownership only keeps relays out of each other's way; it is the log that fences a deposed one.
 */
export class RelayOutbox {
  private pruning: Promise<void> | undefined;
  private prunedAt = 0;

  constructor(
    private readonly outbox: OutboxSource,
    private readonly log: PublishingLog,
    private readonly progress: RelayProgress,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly settings: RelaySettings,
  ) {}

  /**
   * Runs until `signal` aborts; then finishes the current publication and gives up the ownership.
   * @param report told what an operator should know.
   * @throws TopicsDifferError, which a retry can't help.
   */
  async execute(signal: AbortSignal, report: (event: RelayEvent) => void): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.outbox.acquire(signal);
        await this.publishAll(signal, report);
      } catch (error) {
        if (error instanceof TopicsDifferError) throw error;
        if (!signal.aborted) await this.waitAfter(error, signal, report);
      }
    }
    this.progress.role = 'stopped';
  }

  private async waitAfter(
    error: unknown,
    signal: AbortSignal,
    report: (event: RelayEvent) => void,
  ): Promise<void> {
    const message = error instanceof Error ? error.message : String(error);
    this.progress.isHalted = error instanceof OutboxReplacedError;
    const isNews = this.progress.fail(message, this.clock.now());
    const { backoff = DEFAULT_BACKOFF } = this.settings;
    const retryInMs = this.progress.retryDelayMs(backoff, this.random.fraction());
    if (isNews) {
      if (error instanceof NoOutboxError) report({ type: 'waits', reason: message });
      else if (error instanceof OutboxReplacedError) report({ type: 'halted', reason: message });
      else report({ type: 'failed', error, retryInMs });
    }
    await pause(retryInMs, signal);
  }

  /** Returns when `signal` aborts. @throws Error whatever else ended it. */
  private async publishAll(signal: AbortSignal, report: (event: RelayEvent) => void): Promise<void> {
    try {
      await this.log.ensureTopics(this.settings.topics);
      const session = await this.log.openPublisher(this.settings.service);
      try {
        const change = await this.outbox.verify(session.cursor);
        if (change !== undefined) report({ type: 'server-changed', change });
        this.progress.becomeOwner(session.cursor);
        await this.publishFrom(session, signal, report);
      } finally {
        await session.close().catch(() => undefined);
      }
    } finally {
      this.progress.role = 'standby';
      await this.outbox.release().catch(() => undefined);
    }
  }

  private async publishFrom(
    session: PublisherSession,
    signal: AbortSignal,
    report: (event: RelayEvent) => void,
  ): Promise<void> {
    const { batchRows } = this.settings;
    let page = await this.outbox.read(session.cursor, batchRows);
    report({ type: 'became-owner', cursor: session.cursor });
    /** When the next publication is due, on the monotonic clock; rows that have waited longer are published at once. */
    let dueAt = -Infinity;
    for (;;) {
      const ahead = page.more ? this.outbox.read(page.cursor, batchRows) : undefined;
      // A rejection is handled where this is awaited, or no longer matters.
      ahead?.catch(() => undefined);
      if (page.records.length > 0) {
        await session.publish(page.records, page.cursor);
        dueAt = performance.now() + Math.min(PACE_MS, page.records.length * PACE_PER_RECORD_MS);
      }
      this.progress.advance(page.records.length, page.cursor);
      this.pruneWhenDue(page.cursor, signal, report);
      if (!ahead) {
        await this.outbox.changed(POLL_MS, signal);
        const early = dueAt - performance.now();
        if (early > 0) await pause(early, signal);
      }
      if (signal.aborted) return;
      page = await (ahead ?? this.outbox.read(page.cursor, batchRows));
    }
  }

  /** Runs next to the publication, which doesn't wait for it. */
  private pruneWhenDue(cursor: string, signal: AbortSignal, report: (event: RelayEvent) => void): void {
    const now = this.clock.now().getTime();
    if (this.pruning || now - this.prunedAt < PRUNE_EVERY_MS) return;
    this.prunedAt = now;
    this.pruning = this.outbox
      .prune(cursor, this.settings.retentionMs)
      .then(
        (rows) => {
          if (rows > 0) report({ type: 'pruned', rows });
        },
        (error: unknown) => {
          if (!signal.aborted) report({ type: 'prune-failed', error });
        },
      )
      .finally(() => (this.pruning = undefined));
  }
}

/** Resolves after `ms` milliseconds, or when `signal` aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
