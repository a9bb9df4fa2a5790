export interface AdaptiveLimitOptions {
  /** The limit never falls below; so many are always taken in. */
  readonly min: number;
  /** The limit never rises above. */
  readonly max: number;
  /** What it begins with. Default: 100, within the two. */
  readonly initial?: number;
  /** What work may take until it counts as a sign of overload, milliseconds. */
  readonly targetMs: number;
}

/** Work that was taken in. */
export interface Admission {
  /** To be called when the work is done; calling it again does nothing. */
  release(): void;
}

/** How much the limit shrinks at a time: at least as in Netflix' AIMDLimit, at most as TCP's window. */
const [LEAST_BACKOFF, MOST_BACKOFF] = [0.9, 0.5];
/** The weight of the newest latency: a single slow request among fast ones is no overload. */
const SMOOTHING = 0.1;

/**
 * How much work at a time keeps its latency, found by trying: additive increase, multiplicative decrease, as TCP does
 * for its window (Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in Computer
 * Networks", 1989; RFC 5681), here with a latency as the sign of overload (AIMDLimit of Netflix/concurrency-limits).
 * By Little's law, latency = work at a time / throughput, so what is beyond the limit would only wait in here.
 *
 * Why not a gradient on the usual latency (Gradient2Limit): under overload that lasts, its "usual" creeps up, and the
 * limit with it. A fixed target holds, and an operator can say what it is.
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

  /** How much work at a time is taken in, at present. */
  get limit(): number {
    return Math.floor(this.current);
  }

  get inFlight(): number {
    return this.taken;
  }

  /** Takes work in, or undefined if there is as much as there may be. Never waits. */
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
    // What began before the last decrease says nothing about it: one episode, one decrease.
    if (beganAt < this.decreasedAt) return;
    const now = performance.now();
    const { min, max, targetMs } = this.options;
    this.smoothedMs += (now - beganAt - this.smoothedMs) * SMOOTHING;
    if (this.smoothedMs > targetMs) {
      const backoff = Math.min(LEAST_BACKOFF, Math.max(MOST_BACKOFF, targetMs / this.smoothedMs));
      this.current = Math.max(min, this.current * backoff);
      this.decreasedAt = now;
    } else if (inFlight * 2 >= this.limit) {
      // By one for each round of the whole window; and only if it was made use of, or idle times would raise it.
      this.current = Math.min(max, this.current + 1 / this.current);
    }
  }
}
