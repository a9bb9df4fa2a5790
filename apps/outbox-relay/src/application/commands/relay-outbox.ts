import { type EventLog, NoOutboxError, type OutboxBacklog, type OutboxSource } from '@atlas/ports/adapters';
import type { Clock } from '@atlas/ports/application';

export interface RelaySettings {
  /** Whose outbox it is; also the name that the log knows its publisher by. */
  readonly service: string;
  /** What it publishes to; made if missing. */
  readonly topics: Parameters<EventLog['ensureTopics']>[0];
  /** At most so many rows in one page, which is one transaction on the log. */
  readonly batchRows: number;
  /** How long published rows are kept, milliseconds. */
  readonly retentionMs: number;
  /** What to wait after a failure: at first, and at most, milliseconds; doubled in between. Default 100 and 5,000. */
  readonly backoffMs?: { readonly first: number; readonly most: number };
}

export interface RelayStatus {
  readonly service: string;
  /** The owner publishes; a standby takes over when the owner is gone. */
  readonly role: 'owner' | 'standby' | 'stopped';
  /** How far it has published; null for a standby, unless it is one because it fails. */
  readonly cursor: string | null;
  /** What is committed and not yet published; null without a cursor, or while the database does not answer. */
  readonly backlog: OutboxBacklog | null;
  /** Since this process began: records, transactions on the log, and failures of either side. */
  readonly published: number;
  readonly transactions: number;
  readonly failures: number;
  /** Why it is not getting on; null if it is, or has stood by in peace for a minute. */
  readonly failure: string | null;
}

/** Something that an operator should read in the log. */
export type RelayEvent =
  | { readonly type: 'became-owner'; readonly cursor: string | undefined }
  /** Its service has not made the outbox yet, as happens when both start together. */
  | { readonly type: 'waits'; readonly reason: string }
  /** Told once, and again each minute while the same goes on. */
  | { readonly type: 'failed'; readonly error: unknown; readonly retryInMs: number }
  | { readonly type: 'pruned'; readonly rows: number }
  | { readonly type: 'prune-failed'; readonly error: unknown };

/** What a missed notification costs at most. */
const POLL_MS = 1_000;
/**
 * How long the next publication waits, for each record of the last one, and at most. An event that comes alone is
 * published at once; under load many go together, which spares the log and every consumer behind it more than it costs
 * each event.
 */
const PACE_PER_RECORD_MS = 0.5;
const PACE_MS = 20;
const PRUNE_EVERY_MS = 60_000;
const BACKLOG_TIMEOUT_MS = 1_000;
const FAILURE_SHOWN_MS = 60_000;
const TELL_AGAIN_MS = 60_000;

/**
 * Publishes one service's outbox for as long as it runs: becomes the owner, opens the log's publisher, and goes on
 * where the cursor that the log keeps says. Records and cursor go in one transaction of the log, so a crash at any
 * instant leaves neither a gap nor a duplicate. Whatever fails, on either side, it gives up its ownership, waits, and
 * begins again from the stored cursor; what it believed before counts for nothing. Ownership only keeps relays from
 * getting into each other's way: it is the log that fences a deposed one.
 */
export class RelayOutbox {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private pruning: Promise<void> | undefined;
  private prunedAt = 0;
  private role: RelayStatus['role'] = 'standby';
  private cursor: string | undefined;
  private published = 0;
  private transactions = 0;
  private failures = 0;
  private failuresInARow = 0;
  private failure: { readonly message: string; readonly at: number } | undefined;
  /** The failure that was reported last, until it is over. */
  private told: { readonly message: string; readonly at: number } | undefined;

  constructor(
    private readonly outbox: OutboxSource,
    private readonly log: Pick<EventLog, 'ensureTopics' | 'openPublisher'>,
    private readonly clock: Clock,
    private readonly settings: RelaySettings,
    private readonly report: (event: RelayEvent) => void = () => undefined,
  ) {}

  start(): void {
    this.running ??= this.run(this.stopping.signal);
  }

  /** Finishes the publication in hand and gives up the ownership. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    this.role = 'stopped';
  }

  async status(): Promise<RelayStatus> {
    const { role, cursor, published, transactions, failures, failure } = this;
    const isRecent = failure && this.clock.now().getTime() - failure.at < FAILURE_SHOWN_MS;
    // Who fails is no owner for the while, but as long as no other has come what waits is still counted from there.
    const isKnown = role === 'owner' || (isRecent && cursor !== undefined);
    return {
      service: this.settings.service,
      role,
      cursor: isKnown ? (cursor ?? null) : null,
      backlog: isKnown ? await this.backlog(cursor) : null,
      published,
      transactions,
      failures,
      failure: isRecent ? failure.message : null,
    };
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.outbox.acquire(signal);
        await this.publishAll(signal);
      } catch (error) {
        if (!signal.aborted) await this.waitAfter(error, signal);
      }
    }
  }

  private async waitAfter(error: unknown, signal: AbortSignal): Promise<void> {
    const { first, most } = this.settings.backoffMs ?? { first: 100, most: 5_000 };
    const retryInMs = Math.min(most, first * 2 ** this.failuresInARow) * (0.5 + Math.random() / 2);
    this.failures += 1;
    this.failuresInARow += 1;
    const message = error instanceof Error ? error.message : String(error);
    this.failure = { message, at: this.clock.now().getTime() };
    this.tell(error, this.failure, retryInMs);
    await pause(retryInMs, signal);
  }

  /** What goes on failing in the same way is no news. */
  private tell(error: unknown, failure: { message: string; at: number }, retryInMs: number): void {
    if (failure.message === this.told?.message && failure.at - this.told.at < TELL_AGAIN_MS) return;
    this.told = failure;
    if (error instanceof NoOutboxError) this.report({ type: 'waits', reason: failure.message });
    else this.report({ type: 'failed', error, retryInMs });
  }

  /** Returns when it is told to stop. @throws Error whatever ended it otherwise. */
  private async publishAll(signal: AbortSignal): Promise<void> {
    try {
      await this.log.ensureTopics(this.settings.topics);
      const session = await this.log.openPublisher(this.settings.service);
      try {
        this.cursor = session.cursor;
        this.role = 'owner';
        await this.publishFrom(session, signal);
      } finally {
        await session.close().catch(() => undefined);
      }
    } finally {
      this.role = 'standby';
      await this.outbox.release().catch(() => undefined);
    }
  }

  private async publishFrom(
    session: Awaited<ReturnType<EventLog['openPublisher']>>,
    signal: AbortSignal,
  ): Promise<void> {
    const { batchRows } = this.settings;
    let page = await this.outbox.read(this.cursor, batchRows);
    this.report({ type: 'became-owner', cursor: this.cursor });
    /** When the next publication is due, on the monotonic clock; what waits longer goes at once. */
    let dueAt = -Infinity;
    for (;;) {
      const ahead = page.more ? this.outbox.read(page.cursor, batchRows) : undefined;
      // If it fails, that is met where it is awaited, or no longer of interest.
      ahead?.catch(() => undefined);
      if (page.records.length > 0) {
        await session.publish(page.records, page.cursor);
        this.published += page.records.length;
        this.transactions += 1;
        dueAt = performance.now() + Math.min(PACE_MS, page.records.length * PACE_PER_RECORD_MS);
      }
      this.cursor = page.cursor;
      this.failuresInARow = 0;
      this.failure = undefined;
      this.told = undefined;
      this.pruneWhenDue();
      if (!ahead) {
        await this.outbox.changed(POLL_MS, signal);
        const early = dueAt - performance.now();
        if (early > 0) await pause(early, signal);
      }
      if (signal.aborted) return;
      page = await (ahead ?? this.outbox.read(this.cursor, batchRows));
    }
  }

  /** Beside the publication, which does not wait for it. */
  private pruneWhenDue(): void {
    const now = this.clock.now().getTime();
    if (this.pruning || this.cursor === undefined || now - this.prunedAt < PRUNE_EVERY_MS) return;
    this.prunedAt = now;
    this.pruning = this.outbox
      .prune(this.cursor, this.settings.retentionMs)
      .then(
        (rows) => {
          if (rows > 0) this.report({ type: 'pruned', rows });
        },
        (error: unknown) => {
          if (!this.stopping.signal.aborted) this.report({ type: 'prune-failed', error });
        },
      )
      .finally(() => (this.pruning = undefined));
  }

  private async backlog(cursor: string | undefined): Promise<OutboxBacklog | null> {
    const counted = this.outbox.backlog(cursor).catch(() => null);
    const deadline = new AbortController();
    const timeout = pause(BACKLOG_TIMEOUT_MS, deadline.signal).then(() => null);
    const backlog = await Promise.race([counted, timeout]);
    deadline.abort();
    return backlog;
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
