import { ExponentialBackoff, fullJitterGenerator, type IBackoff } from 'cockatiel';

/** What a step says about the next one: at once, after a rest, or never. */
export type Next = 'again' | 'rest' | 'done';

export interface LoopOptions {
  /** How long it rests when there is nothing to do, milliseconds; {@link Loop.wake} ends that sooner. */
  readonly restMs: number;
  /** The longest wait after a first failure, milliseconds; it doubles with each one in a row. Default 200. */
  readonly initialDelayMs?: number;
  /** The longest wait after any failure, milliseconds. Default 10,000. */
  readonly maxDelayMs?: number;
  /** Is told of each failure. What it throws ends the loop: for errors that waiting does not mend. */
  readonly onFailure: (error: unknown, delayMs: number) => void;
}

/**
 * Work in the background that paces itself: step by step without a pause while there is something to do, with rests
 * while there isn't, and with waits of full jitter that double while steps fail, so that replicas that failed together
 * don't come back together. Waiting for something to be there at the start is a loop whose step says `done`.
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

  /** @returns a promise that resolves when it is done or stopped, and rejects with what `onFailure` throws. */
  start(): Promise<void> {
    this.running ??= this.run();
    return this.running;
  }

  /** There may be something to do: ends a rest, also the next one. A wait after a failure goes on. */
  wake(): void {
    this.isWoken = true;
    this.endRest?.();
  }

  /** Ends it after the step in hand, whose signal it aborts. Never rejects. */
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
