import { Logger } from '@nestjs/common';
import type { Inbox } from '@atlas/ports/adapters';
import { ConfigError } from '../config';
import { deletePages, pruningLoop } from '../pruning';

const HOUR_MS = 3_600_000;
const PAGE = 5_000;

/**
 * Deletes old events from the inbox, but never those that can be delivered again. A relay that adopts a restored database
 * publishes events again that are still in the outbox, and the log delivers them for as long as it keeps them: so the
 * inbox remembers an event for both periods together.
 */
export class InboxPruner {
  private readonly logger = new Logger(InboxPruner.name);
  private readonly loop = pruningLoop(this.logger, 'prune the inbox', (signal) => this.prune(signal));

  /**
   * @param askWindow how long the log can redeliver an event, milliseconds: asked in each round, as the log's settings
   *   may change at any time.
   * @param outboxMs how long an outbox can publish an event again, milliseconds.
   * @param retentionMs how long the inbox remembers an event; default: a day longer than both together.
   */
  constructor(
    private readonly inbox: Inbox,
    private readonly consumer: string,
    private readonly askWindow: () => Promise<number>,
    private readonly outboxMs: number,
    private readonly retentionMs?: number,
  ) {}

  /** @throws ConfigError if the inbox would forget events that can be delivered again. */
  async check(): Promise<void> {
    const windowMs = await this.askWindow();
    const minimumMs = windowMs + this.outboxMs;
    if (this.retentionMs === undefined || this.retentionMs >= minimumMs) return;
    throw new ConfigError(
      windowMs === Infinity
        ? 'INBOX_RETENTION_HOURS is wrong: the log keeps its records forever, so the inbox must, too. Remove the setting.'
        : `INBOX_RETENTION_HOURS is wrong: an event can be delivered again for ${hours(minimumMs)} hours. The outboxes ` +
            `can publish it again for ${hours(this.outboxMs)} (OUTBOX_RETENTION_HOURS), and then the log can deliver it ` +
            `for ${hours(windowMs)} (the retention of its topics and the age of their segments). Set it to at least ` +
            `${hours(minimumMs)}, remove it, or shorten the others.`,
    );
  }

  start(): void {
    void this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  /** @returns how many events it has deleted. */
  async prune(signal?: AbortSignal): Promise<number> {
    const minimumMs = (await this.askWindow()) + this.outboxMs;
    const ageMs = Math.max(this.retentionMs ?? minimumMs + 24 * HOUR_MS, minimumMs);
    if (ageMs === Infinity) return 0;
    return deletePages(PAGE, (limit) => this.inbox.prune(this.consumer, ageMs, limit), signal);
  }
}

const hours = (ms: number): number => Math.ceil(ms / HOUR_MS);
