import { ExponentialBackoff, fullJitterGenerator, type IBackoff } from 'cockatiel';

/** When the next step follows: at once, after a rest, or never. */
export type Next = 'again' | 'rest' | 'done';

export interface LoopOptions {
  /** How long it rests when there is nothing to do, milliseconds; {@link Loop.wake} ends a rest early. */
  readonly restMs: number;
  /** The longest wait after a first failure, milliseconds; it doubles with each consecutive one. Default 200. */
  readonly initialDelayMs?: number;
  /** The longest wait after any failure, milliseconds. Default 10,000. */
  readonly maxDelayMs?: number;
  /** Called on each failure. An error that it throws ends the loop: for failures that waiting can't fix. */
  readonly onFailure: (error: unknown, delayMs: number) => void;
}

/**
 * Background work that paces itself: it runs step after step while there is work, rests while there is none, and backs
 * off exponentially with full jitter while steps fail, so that replicas that failed together don't retry together. To
 * wait for a dependency at start-up, use a loop whose step returns `done`.
 */
export class Loop {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private isWoken = false;
  private endRest: (() => void) | undefined;

  constructor(
    private readonly step: (signal: AbortSignal) => Promise<Next>,
    private readonly options: LoopOptions,
  ) {}

  /** @returns a promise that resolves when it is done or stopped, and rejects with the error that `onFailure` throws. */
  start(): Promise<void> {
    this.running ??= this.run();
    return this.running;
  }

  /** There may be work: ends the current rest, or skips the next one. Does not shorten a wait after a failure. */
  wake(): void {
    this.isWoken = true;
    this.endRest?.();
  }

  /** Aborts the signal of the current step and resolves once that has ended. Never rejects. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running?.catch(() => undefined);
  }

  private async run(): Promise<void> {
    const { restMs, initialDelayMs = 200, maxDelayMs = 10_000, onFailure } = this.options;
    const { signal } = this.stopping;
    const fresh = new ExponentialBackoff({
      generator: fullJitterGenerator,
      initialDelay: initialDelayMs,
      maxDelay: maxDelayMs,
    });
    let backoff: IBackoff<unknown> | undefined;
    while (!signal.aborted) {
      try {
        this.isWoken = false;
        const next = await this.step(signal);
        backoff = undefined;
        if (next === 'done') return;
        if (next === 'again') await new Promise(setImmediate);
        else if (!this.isWoken) await this.pause(restMs, true);
      } catch (error) {
        if (signal.aborted) return;
        backoff = backoff ? backoff.next(undefined) : fresh.next();
        onFailure(error, backoff.duration);
        await this.pause(backoff.duration, false);
      }
    }
  }

  private async pause(ms: number, canBeWoken: boolean): Promise<void> {
    const { signal } = this.stopping;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        this.endRest = undefined;
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
      if (canBeWoken) this.endRest = end;
    });
  }
}
