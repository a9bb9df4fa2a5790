import { Logger } from '@nestjs/common';
import type { DeadLetters } from '@atlas/ports/adapters';
import { deletePages, pruningLoop } from '../pruning';

/** Few, because a record may have a megabyte. */
const PAGE = 500;
export const DEFAULT_DEAD_LETTER_RETENTION_MS = 30 * 24 * 3_600_000;

/**
 * Deletes resolved dead letters, but none whose record the log may still have: a record that comes again must find its
 * letter, and so must the audit.
 */
export class DeadLetterPruner {
  private readonly logger = new Logger(DeadLetterPruner.name);
  private readonly loop = pruningLoop(this.logger, 'delete old dead letters', (signal) => this.prune(signal));

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
    return deletePages(PAGE, (limit) => this.letters.prune(this.consumer, ageMs, limit), signal);
  }
}
