const FIRST_MS = 100;
const LONGEST_MS = 10_000;
/** After running this long, the delay starts from the beginning. */
const SOUND_MS = 30_000;

/** Exponential backoff between restarts; it starts over after a process has run long enough. */
export class Restarts {
  /** The number of restarts so far. */
  count = 0;
  private delay = FIRST_MS;

  /** @param livedMs how long it ran. @returns milliseconds to wait. */
  next(livedMs: number): number {
    if (livedMs >= SOUND_MS) this.delay = FIRST_MS;
    const now = this.delay;
    this.delay = Math.min(this.delay * 2, LONGEST_MS);
    this.count++;
    return now;
  }
}
