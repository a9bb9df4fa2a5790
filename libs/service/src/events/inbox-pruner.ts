import type { Inbox } from '@atlas/ports/adapters';
import { ConfigError } from '../config';

const HOUR_MS = 3_600_000;
const EVERY_MS = 10 * 60_000;
/** Few enough that no statement takes long. */
const PAGE = 5_000;

/** Keeps the inbox from growing for ever, and from forgetting what the log can deliver again. */
export class InboxPruner {
  private timer: NodeJS.Timeout | undefined;
  private pruning: Promise<void> = Promise.resolve();
  private stopping = false;

  /**
   * @param askWindow for how long the log can deliver an event again, milliseconds: asked each time, as it may be
   *   changed on the log at any time.
   * @param retentionMs for how long the inbox is to know it; default: the window and a day.
   */
  constructor(
    private readonly inbox: Inbox,
    private readonly consumer: string,
    private readonly askWindow: () => Promise<number>,
    private readonly retentionMs?: number,
  ) {}

  /** @throws ConfigError if the inbox is to know an event for less time than the log. */
  async check(): Promise<void> {
    const windowMs = await this.askWindow();
    if (this.retentionMs === undefined || this.retentionMs >= windowMs) return;
    throw new ConfigError(
      windowMs === Infinity
        ? 'INBOX_RETENTION_HOURS is wrong: the log keeps its records for ever, so the inbox must, too. Leave it out.'
        : `INBOX_RETENTION_HOURS is wrong: the log can deliver an event again for ${hours(windowMs)} hours (the ` +
            'retention of its topics and the age of their segments). It must be at least that, or left out; or make ' +
            "the topics' retention shorter.",
    );
  }

  start(onError: (error: Error) => void): void {
    this.timer = setInterval(() => {
      this.pruning = this.prune().then(
        () => undefined,
        (error: unknown) => onError(error as Error),
      );
    }, EVERY_MS).unref();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    clearInterval(this.timer);
    await this.pruning;
  }

  /** @returns how many events it has forgotten. */
  async prune(): Promise<number> {
    const windowMs = await this.askWindow();
    const ageMs = Math.max(this.retentionMs ?? windowMs + 24 * HOUR_MS, windowMs);
    if (ageMs === Infinity) return 0;
    let all = 0;
    for (let page = PAGE; page === PAGE && !this.stopping; all += page) {
      page = await this.inbox.prune(this.consumer, ageMs, PAGE);
    }
    return all;
  }
}

const hours = (ms: number): number => Math.ceil(ms / HOUR_MS);
