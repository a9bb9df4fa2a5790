import { seededRandom } from './seeded-random';

/** The kinds of requests that faults distinguish. */
export const OPERATIONS = ['charge', 'refund', 'read'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Milliseconds: fixed, uniformly distributed, or exponentially distributed (at most ten times the mean). */
export type Delay = number | { readonly min: number; readonly max: number } | { readonly mean: number };

/**
 * What can go wrong with a request. A fault `before` the work leaves no trace in the books; one `after` it can't undo
 * the work.
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
  /** Per request, 0 to 1. */
  readonly probability: number;
  readonly on: readonly Operation[];
  /** The most requests to inject it into; undefined: no limit. */
  readonly count?: number | undefined;
  /** How long it stays on, milliseconds; undefined: until it is turned off. */
  readonly forMs?: number | undefined;
};

export interface FaultDocument {
  /** The same seed and the same order of requests inject the same faults. */
  readonly seed: number;
  readonly faults: readonly Fault[];
}

/** The faults of one request. */
export interface RequestFaults {
  /** To wait before the work, milliseconds. */
  readonly delayMs: number;
  /** Instead of the work. */
  readonly before?: Extract<FaultKind, { kind: 'rate-limit' | 'error-before' | 'reset-before' }>;
  /** Instead of the regular response. */
  readonly after?: Extract<
    FaultKind,
    { kind: 'error-after' | 'reset-after' | 'silence-after' | 'slow-body' }
  >;
}

interface Active {
  readonly fault: Fault;
  readonly random: () => number;
  injected: number;
}

/** The faults that are on, and how often each was injected. */
export class FaultPlan {
  private readonly active: readonly Active[];

  constructor(
    readonly document: FaultDocument,
    private readonly since: Date,
  ) {
    // Each has a random sequence of its own, so that adding a fault does not change the others.
    this.active = document.faults.map((fault, index) => ({
      fault,
      random: seededRandom(document.seed + index * 0x9e3779b9),
      injected: 0,
    }));
  }

  static none(since: Date): FaultPlan {
    return new FaultPlan({ seed: 1, faults: [] }, since);
  }

  /** How many requests each fault was injected into, in the document's order. */
  get injected(): readonly number[] {
    return this.active.map(({ injected }) => injected);
  }

  /** Decides about one request. Delays add up; of the others, the first that occurs ends the request. */
  next(operation: Operation, at: Date): RequestFaults {
    const occurring = this.active.filter((one) => this.occurs(one, operation, at));
    let delayMs = 0;
    let before: RequestFaults['before'];
    let after: RequestFaults['after'];
    for (const one of occurring) {
      const { fault } = one;
      if (before || (after && fault.kind !== 'latency')) continue;
      one.injected += 1;
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

  private occurs({ fault, random, injected }: Active, operation: Operation, at: Date): boolean {
    if (!fault.on.includes(operation)) return false;
    if (fault.forMs !== undefined && at.getTime() - this.since.getTime() >= fault.forMs) return false;
    if (fault.count !== undefined && injected >= fault.count) return false;
    return random() < fault.probability;
  }
}

function durationOf(delay: Delay, random: () => number): number {
  if (typeof delay === 'number') return delay;
  if ('mean' in delay) return delay.mean * Math.min(10, -Math.log(1 - random()));
  return delay.min + (delay.max - delay.min) * random();
}
