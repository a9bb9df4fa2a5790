/** What a request asks for, as far as faults tell requests apart. */
export type Operation = 'charge' | 'refund' | 'read';

/** Milliseconds: always the same, evenly spread, or exponentially with a mean (at most ten times as long). */
export type Delay = number | { readonly min: number; readonly max: number } | { readonly mean: number };

/**
 * What can go wrong with a request. `before` and `after` say when, seen from the work: a fault before it leaves no
 * trace in the books, one after it comes too late to undo what was done.
 */
export type FaultKind =
  | { readonly kind: 'latency'; readonly delayMs: Delay }
  | { readonly kind: 'rate-limit'; readonly retryAfterSeconds: number }
  | { readonly kind: 'error-before'; readonly status: number }
  | { readonly kind: 'reset-before' }
  | { readonly kind: 'error-after'; readonly status: number }
  | { readonly kind: 'reset-after' }
  | { readonly kind: 'silence-after' }
  | { readonly kind: 'slow-body'; readonly overMs: number };

export type Fault = FaultKind & {
  /** Of each request that it may strike, 0 to 1. */
  readonly probability: number;
  readonly on: readonly Operation[];
  /** How many requests it strikes at most; undefined: any number. */
  readonly count?: number | undefined;
  /** For how long it strikes, milliseconds since it was turned on; undefined: until it is turned off. */
  readonly forMs?: number | undefined;
};

export interface FaultDocument {
  /** The same seed and the same order of requests make the same faults. */
  readonly seed: number;
  readonly faults: readonly Fault[];
}

/** What is to be done to one request. */
export interface Strike {
  /** To wait before the work, milliseconds. */
  readonly delayMs: number;
  /** Instead of the work. */
  readonly before?: Extract<FaultKind, { kind: 'rate-limit' | 'error-before' | 'reset-before' }>;
  /** Instead of the plain answer to the work. */
  readonly after?: Extract<
    FaultKind,
    { kind: 'error-after' | 'reset-after' | 'silence-after' | 'slow-body' }
  >;
}

interface Active {
  readonly fault: Fault;
  readonly random: () => number;
  struck: number;
}

/** The faults that are turned on, and what they have done. */
export class FaultPlan {
  private readonly active: readonly Active[];

  constructor(
    readonly document: FaultDocument,
    private readonly since: Date,
  ) {
    // A row of chance for each, so that one more fault does not change what the others do.
    this.active = document.faults.map((fault, index) => ({
      fault,
      random: mulberry32(document.seed + index * 0x9e3779b9),
      struck: 0,
    }));
  }

  static none(since: Date): FaultPlan {
    return new FaultPlan({ seed: 1, faults: [] }, since);
  }

  /** How many requests each fault has struck, in the document's order. */
  get struck(): readonly number[] {
    return this.active.map(({ struck }) => struck);
  }

  /** Decides about one request. Delays add up; of the others, the first that strikes ends the request. */
  strike(operation: Operation, at: Date): Strike {
    const struck = this.active.filter((one) => this.strikes(one, operation, at));
    let delayMs = 0;
    let before: Strike['before'];
    let after: Strike['after'];
    for (const one of struck) {
      const { fault } = one;
      if (before || (after && fault.kind !== 'latency')) continue;
      one.struck += 1;
      switch (fault.kind) {
        case 'latency':
          delayMs += durationOf(fault.delayMs, one.random);
          break;
        case 'rate-limit':
        case 'error-before':
        case 'reset-before':
          before = fault;
          break;
        case 'error-after':
        case 'reset-after':
        case 'silence-after':
        case 'slow-body':
          after = fault;
      }
    }
    return { delayMs, ...(before && { before }), ...(after && { after }) };
  }

  private strikes({ fault, random, struck }: Active, operation: Operation, at: Date): boolean {
    if (!fault.on.includes(operation)) return false;
    if (fault.forMs !== undefined && at.getTime() - this.since.getTime() >= fault.forMs) return false;
    if (fault.count !== undefined && struck >= fault.count) return false;
    return random() < fault.probability;
  }
}

function durationOf(delay: Delay, random: () => number): number {
  if (typeof delay === 'number') return delay;
  if ('mean' in delay) return delay.mean * Math.min(10, -Math.log(1 - random()));
  return delay.min + (delay.max - delay.min) * random();
}

/** Numbers from 0 up to 1 that follow from the seed: Mulberry32, by Tommy Ettinger (public domain). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
