const FIRST_MS = 100;
const LONGEST_MS = 10_000;
/** What lived for so long gets a fresh start. */
const SOUND_MS = 30_000;

/** How long to wait before something that ended is started again: longer each time, until it has run well. */
export class Restarts {
  /** How often so far. */
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
