import { type Fault, type FaultKind, FaultPlan } from './fault-plan';
import { seededRandom } from './seeded-random';

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

  it('follow from their seed for ever, and each of them from a sequence of its own', () => {
    const random = seededRandom(7);
    expect(Array.from({ length: 4 }, () => Math.floor(random() * 2 ** 32))).toEqual([
      50_271_532, 266_108_690, 4_195_786_334, 3_002_305_430,
    ]);
    const latency: Fault = { kind: 'latency', delayMs: 1, ...everywhere, probability: 0.5 };
    const plan = planOf(7, latency, { ...latency, delayMs: 10 }, { ...latency, delayMs: 100 });
    const delays = Array.from({ length: 20 }, () => plan.next('read', since).delayMs);
    expect(delays.map((delay) => delay % 10).join('')).toBe('11000111001100111010');
    expect(delays.map((delay) => Math.floor(delay / 10) % 10).join('')).toBe('01011010011110111101');
    expect(delays.map((delay) => Math.floor(delay / 100)).join('')).toBe('10011000100100101010');
  });

  it.each<FaultKind>([
    { kind: 'rate-limit', retryAfterSeconds: 3 },
    { kind: 'error-before', status: 503 },
    { kind: 'reset-before' },
  ])('come instead of the work: $kind', (kind) => {
    const fault: Fault = { ...kind, ...everywhere };
    expect(planOf(1, fault).next('charge', since)).toEqual({ delayMs: 0, before: fault });
  });

  it.each<FaultKind>([
    { kind: 'error-after', status: 503 },
    { kind: 'reset-after' },
    { kind: 'silence-after' },
    { kind: 'slow-body', overMs: 50 },
  ])('come instead of the answer: $kind', (kind) => {
    const fault: Fault = { ...kind, ...everywhere };
    expect(planOf(1, fault).next('charge', since)).toEqual({ delayMs: 0, after: fault });
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
