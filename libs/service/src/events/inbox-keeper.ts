import type { Inbox } from '@atlas/ports';
import { ConfigError } from '../config';

const HOUR_MS = 3_600_000;
const EVERY_MS = 10 * 60_000;
/** Few enough that no statement takes long. */
const PAGE = 5_000;

/** Keeps the inbox from growing for ever, and from forgetting what the log can deliver again. */
export class InboxKeeper {
  private readonly retentionMs: number;
  private timer: NodeJS.Timeout | undefined;
  private pruning: Promise<void> = Promise.resolve();
  private stopping = false;

  /**
   * @param windowMs for how long the log can deliver an event again, milliseconds.
   * @param retentionMs for how long the inbox is to know it; default: the window and a day.
   * @throws ConfigError if that is shorter than the window.
   */
  constructor(
    private readonly inbox: Inbox,
    private readonly consumer: string,
    windowMs: number,
    retentionMs: number = windowMs + 24 * HOUR_MS,
  ) {
    if (retentionMs < windowMs) {
      throw new ConfigError(
        windowMs === Infinity
          ? 'INBOX_RETENTION_HOURS is wrong: the log keeps its records for ever, so the inbox must, too. Leave it out.'
          : `INBOX_RETENTION_HOURS is wrong: the log can deliver an event again for ${hours(windowMs)} hours (the ` +
              'retention of its topics and the age of their segments). It must be at least that, or left out; or make ' +
              "the topics' retention shorter.",
      );
    }
    this.retentionMs = retentionMs;
  }

  start(onError: (error: Error) => void): void {
    if (this.retentionMs === Infinity) return;
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
    let all = 0;
    for (let page = PAGE; page === PAGE && !this.stopping; all += page) {
      page = await this.inbox.prune(this.consumer, this.retentionMs, PAGE);
    }
    return all;
  }
}

const hours = (ms: number): number => Math.ceil(ms / HOUR_MS);
