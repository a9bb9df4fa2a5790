export interface AdaptiveLimitOptions {
  /** The limit never falls below this: so much is always admitted. */
  readonly min: number;
  /** The limit never rises above this. */
  readonly max: number;
  /** Where the limit starts. Default: 100, clamped to the two. */
  readonly initial?: number;
  /** Work that takes longer is a sign of overload, milliseconds. */
  readonly targetMs: number;
}

/** Work that was admitted. */
export interface Admission {
  /** Call it when the work is done; further calls do nothing. */
  release(): void;
}

/** By how much the limit shrinks at a time: at least as in Netflix' AIMDLimit, at most as TCP's window. */
const [LEAST_BACKOFF, MOST_BACKOFF] = [0.9, 0.5];
/** The weight of the latest latency: one slow request among fast ones is no overload. */
const SMOOTHING = 0.1;

/**
 * Finds how much concurrent work keeps its latency: additive increase, multiplicative decrease, as TCP does for its
 * window (Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in Computer
 * Networks", 1989; RFC 5681), with a latency as the sign of overload (AIMDLimit of Netflix/concurrency-limits). By
 * Little's law, latency = concurrency / throughput, so work beyond the limit would only wait.
 *
 * Why not a gradient on the usual latency (Gradient2Limit): under lasting overload its "usual" creeps up, and the limit
 * with it. A fixed target holds, and operators can set it.
 */
export class AdaptiveLimit {
  private current: number;
  private taken = 0;
  private smoothedMs = 0;
  private decreasedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: AdaptiveLimitOptions) {
    const { min, max, initial = 100 } = options;
    this.current = Math.min(max, Math.max(min, initial));
  }

  /** How much concurrent work is admitted at present. */
  get limit(): number {
    return Math.floor(this.current);
  }

  get inFlight(): number {
    return this.taken;
  }

  /** Admits work, or returns undefined if the limit is reached. Never waits. */
  tryAdmit(): Admission | undefined {
    if (this.taken >= this.limit) return undefined;
    this.taken += 1;
    const beganAt = performance.now();
    let isOpen = true;
    return {
      release: () => {
        if (!isOpen) return;
        isOpen = false;
        this.learn(beganAt, this.taken);
        this.taken -= 1;
      },
    };
  }

  private learn(beganAt: number, inFlight: number): void {
    // Work that began before the last decrease says nothing about it: one decrease per episode.
    if (beganAt < this.decreasedAt) return;
    const now = performance.now();
    const { min, max, targetMs } = this.options;
    this.smoothedMs += (now - beganAt - this.smoothedMs) * SMOOTHING;
    if (this.smoothedMs > targetMs) {
      const backoff = Math.min(LEAST_BACKOFF, Math.max(MOST_BACKOFF, targetMs / this.smoothedMs));
      this.current = Math.max(min, this.current * backoff);
      this.decreasedAt = now;
    } else if (inFlight * 2 >= this.limit) {
      // By one per round of the whole window, and only if at least half of it was in use, or idle times would raise it.
      this.current = Math.min(max, this.current + 1 / this.current);
    }
  }
}
