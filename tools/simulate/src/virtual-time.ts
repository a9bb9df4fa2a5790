import timers from 'node:timers/promises';
import type { Random } from '@atlas/ports/application';
import { type Clock, install } from '@sinonjs/fake-timers';

/** The simulation's first moment. */
export const EPOCH = Date.parse('2026-01-01T12:00:00Z');

/** Real time, for the pause between two moments: it lets every promise that is due resolve. */
const nextTurn = setImmediate;

/** Whose code runs at a moment. */
export interface Runner {
  /** What a dead one has left to do never happens. */
  readonly isAlive: boolean;
  /** Its `Math.random`. */
  readonly random: Random;
}

/**
 * Virtual time: timers, clocks and `Math.random` of all code in this process. A moment is one callback and all promises
 * that it resolves; the next one starts only then, so the same callbacks always run in the same order.
 */
export class VirtualTime {
  /** Whose moment it is; timers that code sets belong to it. */
  private current: Runner | undefined;
  private readonly clock: Clock;
  private readonly random = Math.random;

  constructor() {
    this.clock = install({
      now: EPOCH,
      toFake: [
        'setTimeout',
        'clearTimeout',
        'setInterval',
        'clearInterval',
        'setImmediate',
        'clearImmediate',
        'Date',
        'performance',
      ],
    });
    Math.random = () => {
      if (!this.current) throw new Error('Only a process may draw random numbers');
      return this.current.random.fraction();
    };
    const { setTimeout, setInterval, setImmediate } = globalThis;
    globalThis.setTimeout = this.owned(setTimeout) as typeof setTimeout;
    globalThis.setInterval = this.owned(setInterval) as typeof setInterval;
    globalThis.setImmediate = this.owned(setImmediate) as typeof setImmediate;
    timers.setImmediate = <T>(value?: T) =>
      new Promise<T>((resolve) => globalThis.setImmediate(() => resolve(value as T)));
  }

  /** Milliseconds since the first moment. */
  get now(): number {
    return this.clock.now - EPOCH;
  }

  /** Calls `callback` in `ms` milliseconds, as a moment of `runner`. */
  after(ms: number, runner: Runner | undefined, callback: () => void): void {
    this.clock.setTimeout(() => this.as(runner, callback), ms);
  }

  /** Runs moment after moment until `isOver`, or nothing is left to do. */
  async run(isOver: () => boolean): Promise<void> {
    while (!isOver() && this.clock.countTimers() > 0) {
      this.clock.next();
      await new Promise(nextTurn);
      this.current = undefined;
    }
  }

  uninstall(): void {
    this.clock.uninstall();
    Math.random = this.random;
  }

  /** Makes timers belong to whoever sets them. */
  private owned(set: (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => unknown) {
    return (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
      const runner = this.current;
      return set(() => this.as(runner, () => callback(...args)), ms);
    };
  }

  private as(runner: Runner | undefined, callback: () => void): void {
    this.current = runner;
    if (runner?.isAlive !== false) callback();
  }
}
