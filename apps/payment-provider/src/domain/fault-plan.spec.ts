import { type Fault, FaultPlan } from './fault-plan';

const since = new Date('2026-01-01T10:00:00Z');
const after = (ms: number) => new Date(since.getTime() + ms);
const everywhere = { probability: 1, on: ['charge', 'refund', 'read'] } as const;
const planOf = (seed: number, ...faults: readonly Fault[]) => new FaultPlan({ seed, faults }, since);
const kindsOf = (plan: FaultPlan, count: number) =>
  Array.from({ length: count }, () => plan.next('charge', since).before?.kind);

describe('Faults', () => {
  const flaky: Fault = { kind: 'error-before', status: 500, ...everywhere, probability: 0.3 };

  it('repeat with their seed, and differ with another', () => {
    const kinds = kindsOf(planOf(7, flaky), 200);
    expect(kindsOf(planOf(7, flaky), 200)).toEqual(kinds);
    expect(kindsOf(planOf(8, flaky), 200)).not.toEqual(kinds);
  });

  it('occur about as often as their probability says', () => {
    const occurred = kindsOf(planOf(7, flaky), 2_000).filter((kind) => kind !== undefined).length;
    expect(occurred).toBeGreaterThan(500);
    expect(occurred).toBeLessThan(700);
  });

  it('end after their count, and after their time', () => {
    const plan = planOf(
      1,
      { kind: 'reset-before', ...everywhere, count: 2 },
      { kind: 'error-after', status: 500, ...everywhere, forMs: 1_000 },
    );
    expect(kindsOf(plan, 3)).toEqual(['reset-before', 'reset-before', undefined]);
    expect(plan.next('charge', after(999)).after?.kind).toBe('error-after');
    expect(plan.next('charge', after(1_000)).after).toBeUndefined();
    expect(plan.injected).toEqual([2, 2]);
  });

  it('of one request add their delays up, and the first that ends it wins', () => {
    const plan = planOf(
      1,
      { kind: 'latency', delayMs: 10, ...everywhere },
      { kind: 'error-after', status: 503, ...everywhere },
      { kind: 'reset-before', ...everywhere },
      { kind: 'latency', delayMs: 5, ...everywhere },
    );
    expect(plan.next('refund', since)).toEqual({
      delayMs: 15,
      after: expect.objectContaining({ kind: 'error-after' }),
    });
    expect(plan.injected).toEqual([1, 1, 0, 1]);
  });

  it('delay by what their distribution says', () => {
    const spread = planOf(1, { kind: 'latency', delayMs: { min: 10, max: 20 }, ...everywhere });
    const delays = Array.from({ length: 500 }, () => spread.next('read', since).delayMs);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...delays)).toBeLessThanOrEqual(20);
    const exponential = planOf(1, { kind: 'latency', delayMs: { mean: 10 }, ...everywhere });
    const total = Array.from({ length: 2_000 }, () => exponential.next('read', since).delayMs);
    expect(total.reduce((sum, ms) => sum + ms, 0) / total.length).toBeCloseTo(10, -1);
  });
});
