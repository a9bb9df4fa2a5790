import type { Outcome } from './simulation';

/** A seed that violates something. */
export interface Failure {
  readonly seed: number;
  readonly message: string;
}

/** What many runs have shown together; can be sent between processes. */
export interface Totals {
  seeds: number;
  steps: number;
  virtualMs: number;
  readonly failures: Failure[];
  readonly faults: Record<string, number>;
  /** By status, as `order cancelled`: in how many runs it was reached. */
  readonly reached: Record<string, number>;
  /** By use case: in how many runs it ran. */
  readonly executed: Record<string, number>;
}

export const noTotals = (): Totals => ({
  ...{ seeds: 0, steps: 0, virtualMs: 0 },
  ...{ failures: [], faults: {}, reached: {}, executed: {} },
});

export function count(
  totals: Totals,
  { violation, plan, steps, virtualMs, faults, reached, executed }: Outcome,
): void {
  totals.seeds += 1;
  totals.steps += steps;
  totals.virtualMs += virtualMs;
  if (violation) totals.failures.push({ seed: plan.seed, message: violation.message });
  for (const [kind, times] of faults) add(totals.faults, kind, times);
  for (const status of reached) add(totals.reached, status, 1);
  for (const useCase of executed) add(totals.executed, useCase, 1);
}

/** Adds `more` to `totals`. */
export function merge(totals: Totals, more: Totals): void {
  totals.seeds += more.seeds;
  totals.steps += more.steps;
  totals.virtualMs += more.virtualMs;
  totals.failures.push(...more.failures);
  for (const part of ['faults', 'reached', 'executed'] as const) {
    for (const [name, times] of Object.entries(more[part])) add(totals[part], name, times);
  }
}

function add(counts: Record<string, number>, name: string, times: number): void {
  counts[name] = (counts[name] ?? 0) + times;
}
