import type { Action, Deviation, Outage, Plan } from './plan';
import type { Outcome } from './simulation';

/** One thing that makes a plan differ from an empty one. */
type Part =
  | { readonly kind: 'action'; readonly value: Action }
  | { readonly kind: 'outage'; readonly value: Outage }
  | { readonly kind: 'deviation'; readonly value: Deviation };

/** A smaller plan, and what it shows. */
export interface Shrunk {
  readonly outcome: Outcome;
  /** How many plans were tried. */
  readonly runs: number;
}

/**
 * Takes away what a failing run doesn't need, as long as it violates the same rule: delta debugging (Zeller and
 * Hildebrandt, 2002). Then lets each mishap happen as early as possible, which often makes more unnecessary.
 * @param maxRuns the most plans to try.
 */
export async function shrink(
  failing: Outcome,
  run: (plan: Plan) => Promise<Outcome>,
  maxRuns = 1_000,
): Promise<Shrunk> {
  const rule = failing.violation?.rule;
  if (rule === undefined) throw new Error('Only a run that fails can be shrunk');
  let outcome = failing;
  let parts = partsOf(failing.plan);
  let runs = 0;

  /** Keeps the smaller plan if it fails in the same way. */
  const keep = async (fewer: readonly Part[]): Promise<boolean> => {
    if (runs === maxRuns) return false;
    runs += 1;
    const tried = await run(planOf(failing.plan, fewer));
    if (tried.violation?.rule !== rule) return false;
    outcome = tried;
    parts = fewer;
    return true;
  };
  const takeAway = async () => {
    for (let size = Math.ceil(parts.length / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < parts.length;) {
        if (!(await keep([...parts.slice(0, at), ...parts.slice(at + size)]))) at += size;
      }
    }
  };
  const bringForward = async () => {
    for (let index = 0; index < parts.length; index += 1) {
      const part = parts[index] as Part;
      if (part.kind !== 'deviation' || part.value.at === 0) continue;
      const earlier: Part = { kind: 'deviation', value: { ...part.value, at: 0, number: 1 } };
      await keep(parts.with(index, earlier));
    }
  };

  for (let before = Infinity; parts.length < before;) {
    before = parts.length;
    await takeAway();
    await bringForward();
  }
  return { outcome, runs };
}

const partsOf = ({ actions, outages, deviations }: Plan): readonly Part[] => [
  ...deviations.map((value): Part => ({ kind: 'deviation', value })),
  ...outages.map((value): Part => ({ kind: 'outage', value })),
  ...actions.map((value): Part => ({ kind: 'action', value })),
];

const planOf = (plan: Plan, parts: readonly Part[]): Plan => ({
  ...plan,
  actions: parts.flatMap((part) => (part.kind === 'action' ? [part.value] : [])),
  outages: parts.flatMap((part) => (part.kind === 'outage' ? [part.value] : [])),
  deviations: parts
    .flatMap((part) => (part.kind === 'deviation' ? [part.value] : []))
    .sort((a, b) => a.at - b.at || a.number - b.number),
});
