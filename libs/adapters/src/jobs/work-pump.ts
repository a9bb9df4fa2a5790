import { setImmediate } from 'node:timers/promises';
import { isInfrastructureError, Loop, type Next } from '@atlas/resilience';

/** The longest wait after a failure, milliseconds: results may be waiting to be recorded. */
const MAX_DELAY_MS = 1_000;

export interface WorkSteps<Item, Result> {
  /** Claims up to `limit` items, so that no other replica works on them until the claim ends. */
  claim(limit: number): Promise<readonly Item[]>;
  /**
   * Works on one item, outside of any transaction. It should turn its errors into results: an item whose work rejects
   * stays claimed until its claim ends by itself.
   */
  work(item: Item): Promise<Result>;
  /** Records results, in one transaction; it may be called again with the same ones. */
  record(results: readonly Result[]): Promise<unknown>;
}

export interface WorkPumpOptions {
  /** How many items may be claimed and not yet recorded at a time. */
  readonly maxOpen: number;
  /** How often it looks for items, milliseconds; {@link WorkPump.wake} makes it look sooner. */
  readonly everyMs: number;
  /** Called when items can't be claimed, or results must wait to be recorded; it tries again after `delayMs`. */
  readonly onFailure: (error: unknown, delayMs: number) => void;
  /** Called when an item's work rejects or its result can't be recorded: it is left to the end of its claim. */
  readonly onAbandoned: (error: unknown) => void;
}

/**
 * Claims items, works on many at a time and records the results.
 *
 * A slow item holds up no other. Results that arrive while a batch is recorded form the next batch, and the slots they
 * free are filled by one claim, so batches grow with the load by themselves. While the database is unavailable, results
 * are kept and recorded later. If a batch can't be recorded for another reason, its results are recorded one by one, so
 * that a bad one does not block the others.
 */
export class WorkPump<Item, Result> {
  private readonly loop: Loop;
  private readonly results: Result[] = [];
  /** Claimed and not yet recorded. */
  private open = 0;
  private mayBeDue = true;
  private isStopping = false;
  private poll: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly steps: WorkSteps<Item, Result>,
    private readonly options: WorkPumpOptions,
  ) {
    const { everyMs, onFailure } = options;
    this.loop = new Loop(() => this.turn(), { restMs: everyMs, maxDelayMs: MAX_DELAY_MS, onFailure });
  }

  start(): void {
    // Not left to the loop's rest, which starts anew with each result.
    this.poll = setInterval(() => this.wake(), this.options.everyMs);
    this.running = this.loop.start();
  }

  /** There may be items to claim. */
  wake(): void {
    this.mayBeDue = true;
    this.loop.wake();
  }

  /** Claims no more, and resolves once the open items are worked on and recorded. */
  async stop(): Promise<void> {
    this.isStopping = true;
    clearInterval(this.poll);
    this.loop.wake();
    await this.running;
  }

  private async turn(): Promise<Next> {
    // Results that arrive in this turn of the event loop belong to the batch.
    await setImmediate();
    await this.record();
    await this.claim();
    return this.isStopping && this.open === 0 ? 'done' : 'rest';
  }

  private async claim(): Promise<void> {
    const free = this.options.maxOpen - this.open;
    if (this.isStopping || !this.mayBeDue || free === 0) return;
    this.mayBeDue = false;
    try {
      const items = await this.steps.claim(free);
      for (const item of items) void this.work(item);
      // More may be due; the next result makes room for it.
      if (items.length === free) this.mayBeDue = true;
    } catch (error) {
      this.mayBeDue = true;
      throw error;
    }
  }

  private async work(item: Item): Promise<void> {
    this.open += 1;
    try {
      this.results.push(await this.steps.work(item));
    } catch (error) {
      this.abandon(error);
    }
    this.loop.wake();
  }

  private async record(): Promise<void> {
    const results = this.results.splice(0);
    if (results.length === 0) return;
    try {
      await this.steps.record(results);
      this.open -= results.length;
    } catch (error) {
      if (this.canWait(error)) {
        this.results.unshift(...results);
        throw error;
      }
      await this.recordOneByOne(results);
    }
  }

  private async recordOneByOne(results: readonly Result[]): Promise<void> {
    for (const [index, result] of results.entries()) {
      try {
        await this.steps.record([result]);
        this.open -= 1;
      } catch (error) {
        if (this.canWait(error)) {
          this.results.unshift(...results.slice(index));
          throw error;
        }
        this.abandon(error);
      }
    }
  }

  private canWait(error: unknown): boolean {
    return isInfrastructureError(error) && !this.isStopping;
  }

  private abandon(error: unknown): void {
    this.open -= 1;
    this.options.onAbandoned(error);
  }
}
