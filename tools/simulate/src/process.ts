import { createHash } from 'node:crypto';
import { SeededRandom } from '@atlas/testing';
import type { Fate, Mishap, Step } from './plan';
import type { Trace } from './trace';
import type { Runner, VirtualTime } from './virtual-time';

/** What all processes of a run share. */
export interface Surroundings {
  readonly time: VirtualTime;
  readonly fate: Fate;
  readonly trace: Trace;
  /** The last step of each name. */
  readonly steps: Map<string, Step>;
  /** May `process` die now? */
  readonly mayCrash: (process: SimulatedProcess) => boolean;
  readonly crash: (process: SimulatedProcess) => void;
}

const never = () => new Promise<never>(() => undefined);

/**
 * One process, from its start to its end. Whatever it asks of the world outside is a step: the scheduler decides when
 * it happens, and what becomes of it. A dead process gets no answers, so nothing in it ever goes on.
 */
export class SimulatedProcess implements Runner {
  isAlive = true;
  /** How long a step takes that is not delayed, milliseconds. */
  stepMs = 1;
  /** For its jitter; its own, so that no other process changes what it draws. */
  readonly random: SeededRandom;
  private readonly endings: (() => void)[] = [];

  /** @param service whose code it runs; a relay belongs to the service whose outbox it reads. */
  constructor(
    readonly name: string,
    readonly service: string,
    private readonly around: Surroundings,
  ) {
    const digest = createHash('sha256').update(`${around.fate.plan.seed} ${name}`).digest();
    this.random = new SeededRandom(digest.readInt32LE());
  }

  /** @returns what went wrong with it, if anything. */
  step(what: string, mishaps: readonly Mishap[] = []): Promise<Mishap | undefined> {
    if (!this.isAlive) return never();
    const { time, fate, trace, steps, mayCrash, crash } = this.around;
    const name = `${this.name} ${what}`;
    const before = steps.get(name);
    const number = before?.at === time.now ? before.number + 1 : 1;
    const step = { name, at: time.now, number };
    steps.set(name, step);
    const possible: readonly Mishap[] = mayCrash(this) ? ['crash', ...mishaps] : mishaps;
    const { delayMs = 0, mishap } = fate.of(step, possible) ?? {};
    return new Promise((resolve) => {
      time.after(this.stepMs + delayMs, this, () => {
        trace.step(name, mishap);
        if (mishap === 'crash') crash(this);
        else resolve(mishap);
      });
    });
  }

  /** Goes on in a moment of its own, after another process has woken it. */
  resume(): Promise<void> {
    if (!this.isAlive) return never();
    return new Promise((resolve) => this.around.time.after(0, this, resolve));
  }

  /** Resolves after `ms` milliseconds, or when `signal` aborts. */
  pause(ms: number, signal?: AbortSignal): Promise<void> {
    if (!this.isAlive) return never();
    return new Promise((resolve) => {
      this.around.time.after(ms, this, resolve);
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** Calls `callback` when it dies, for what others notice of that. */
  onDeath(callback: () => void): void {
    this.endings.push(callback);
  }

  die(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    for (const callback of this.endings) callback();
  }
}
