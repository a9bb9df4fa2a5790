import { Logger } from '@nestjs/common';
import type { DeadLetters } from '@atlas/ports/adapters';
import { Loop } from '@atlas/resilience';

const REST_MS = 10 * 60_000;
/** Few, because a record may have a megabyte. */
const PAGE = 500;
export const DEFAULT_DEAD_LETTER_RETENTION_MS = 30 * 24 * 3_600_000;

/**
 * Deletes resolved dead letters, but none whose record the log may still have: a record that comes again must find its
 * letter, and so must the audit.
 */
export class DeadLetterPruner {
  private readonly logger = new Logger(DeadLetterPruner.name);
  private readonly loop = new Loop(
    async (signal) => {
      await this.prune(signal);
      return 'rest';
    },
    {
      restMs: REST_MS,
      initialDelayMs: 1_000,
      maxDelayMs: REST_MS,
      onFailure: (error) =>
        this.logger.warn(`Can't delete old dead letters; trying again later: ${String(error)}`),
    },
  );

  /**
   * @param askWindow how long the log can redeliver a record, milliseconds: asked in each round.
   * @param retentionMs how long letters are kept at least after they were resolved, milliseconds.
   */
  constructor(
    private readonly letters: DeadLetters,
    private readonly consumer: string,
    private readonly askWindow: () => Promise<number>,
    private readonly retentionMs = DEFAULT_DEAD_LETTER_RETENTION_MS,
  ) {}

  start(): void {
    void this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  /** @returns how many it has deleted. */
  async prune(signal?: AbortSignal): Promise<number> {
    const ageMs = Math.max(this.retentionMs, await this.askWindow());
    if (ageMs === Infinity) return 0;
    let all = 0;
    for (let page = PAGE; page === PAGE && !signal?.aborted; all += page) {
      page = await this.letters.prune(this.consumer, ageMs, PAGE);
    }
    return all;
  }
}
