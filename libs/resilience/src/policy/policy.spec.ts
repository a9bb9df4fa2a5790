import fc from 'fast-check';
import { AttemptTimedOut, BulkheadFull, CircuitOpen, DeadlineExceeded, DependencyError } from '../errors';
import type { PolicyEvent } from './events';
import { type Attempt, type Call, Policy } from './policy';
import { loadPolicies, type PolicyDeclaration } from './settings';

/** What the provider does with an attempt. */
type Deed = (attempt: Attempt) => unknown;

const answers: Deed = () => 'answered';
const fails: Deed = () => {
  throw new Error('the provider is out of order');
};
const declines: Deed = () => {
  throw new DependencyError('the card is declined', { transient: false, mayHaveActed: true });
};
const isBusy =
  (retryAfterMs: number): Deed =>
  () => {
    throw new DependencyError('come back later', { transient: true, mayHaveActed: false, retryAfterMs });
  };
const cannotBeReached: Deed = () => {
  const cause = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  throw new TypeError('fetch failed', { cause });
};
const isSilent: Deed = () => new Promise(() => undefined);
const takes =
  (ms: number): Deed =>
  () =>
    new Promise((resolve) => setTimeout(resolve, ms, 'answered'));

/** A client that calls under a policy, at a provider that does what it is told, attempt by attempt. */
class Client {
  readonly events: PolicyEvent[] = [];
  /** When each attempt reached the provider, milliseconds from the start. */
  readonly attemptsAt: number[] = [];
  readonly policy: Policy;
  private readonly start = Date.now();
  private deeds: Deed[] = [];
  private always: Deed = answers;

  constructor(declaration: PolicyDeclaration) {
    const { provider } = loadPolicies({ provider: declaration });
    this.policy = new Policy('provider', provider, { listener: (event) => this.events.push(event) });
  }

  /** One deed for each attempt; the last one goes on for ever. */
  provider(...deeds: [Deed, ...Deed[]]): this {
    this.deeds = deeds.slice(0, -1);
    this.always = deeds.at(-1) ?? answers;
    return this;
  }

  /** Calls the provider; the outcome can be looked at once the clock has been moved on. */
  call(call: Call<unknown> = {}): Outcome {
    const outcome: Outcome = { state: 'open' };
    this.policy
      .execute((attempt) => {
        this.attemptsAt.push(Date.now() - this.start);
        return (this.deeds.shift() ?? this.always)(attempt);
      }, call)
      .then(
        (value) => Object.assign(outcome, { state: 'done', value, atMs: Date.now() - this.start }),
        (error: unknown) => Object.assign(outcome, { state: 'failed', error, atMs: Date.now() - this.start }),
      );
    return outcome;
  }

  /** Charges and lets time pass until that has ended. */
  async called(call: Call<unknown> = {}): Promise<Outcome> {
    const outcome = this.call(call);
    await pass(0);
    while (outcome.state === 'open' && jest.getTimerCount() > 0) await jest.advanceTimersToNextTimerAsync();
    return outcome;
  }

  get waits(): readonly number[] {
    return this.events.flatMap((event) => (event.kind === 'retry' ? [event.delayMs] : []));
  }

  get breakerChanges(): readonly string[] {
    return this.events.flatMap((event) => (event.kind === 'breaker' ? [event.state] : []));
  }

  refusals(by: string): number {
    return this.events.filter((event) => event.kind === 'refused' && event.by === by).length;
  }
}

interface Outcome {
  state: 'open' | 'done' | 'failed';
  value?: unknown;
  error?: unknown;
  atMs?: number;
}

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);
const jitterIs = (share: number) => jest.spyOn(Math, 'random').mockReturnValue(share);
const idempotent = { idempotent: true };
/** Other parts than the one that a test is about are out of its way. */
const only = (parts: PolicyDeclaration): PolicyDeclaration => ({
  deadline: false,
  bulkhead: false,
  retry: false,
  breaker: false,
  timeout: false,
  ...parts,
});

beforeEach(() => jest.useFakeTimers({ now: Date.parse('2026-01-01T00:00:00Z') }));
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

describe('A call that fails', () => {
  const retry = { maxAttempts: 5, initialDelayMs: 100, maxDelayMs: 400 };

  it('is repeated until it goes well', async () => {
    const client = new Client(only({ retry })).provider(fails, fails, answers);
    expect(await client.called(idempotent)).toMatchObject({ state: 'done', value: 'answered' });
    expect(client.attemptsAt).toHaveLength(3);
  });

  it('is given up after so many attempts, with what the last one failed with', async () => {
    const client = new Client(only({ retry })).provider(fails);
    const { error } = await client.called(idempotent);
    expect(error).toEqual(new Error('the provider is out of order'));
    expect(client.attemptsAt).toHaveLength(5);
  });

  it.each([
    ['a tenth', 0.1, [10, 20, 40, 40]],
    ['half', 0.5, [50, 100, 200, 200]],
    ['almost all', 0.9999, [99, 199, 399, 399]],
  ])('waits for %s of a time that doubles up to a limit', async (_share, share, waits) => {
    jitterIs(share);
    const client = new Client(only({ retry })).provider(fails);
    await client.called(idempotent);
    expect(client.waits).toEqual(waits);
    expect(client.attemptsAt).toEqual([0, ...waits.map((_wait, at) => sum(waits.slice(0, at + 1)))]);
  });

  it('is not repeated by itself, as it may have been done', async () => {
    const client = new Client(only({ retry })).provider(fails);
    expect(await client.called()).toMatchObject({ state: 'failed' });
    expect(client.attemptsAt).toHaveLength(1);
  });

  it('is not repeated by itself after silence, either', async () => {
    const client = new Client(only({ retry, timeout: { ms: 300 } })).provider(isSilent);
    expect((await client.called()).error).toBeInstanceOf(AttemptTimedOut);
    expect(client.attemptsAt).toHaveLength(1);
  });

  it.each([
    ['its connection never came about', cannotBeReached],
    ['it was not looked at', isBusy(0)],
  ])('is repeated by itself if %s', async (_why, deed) => {
    const client = new Client(only({ retry })).provider(deed, answers);
    expect(await client.called()).toMatchObject({ state: 'done' });
    expect(client.attemptsAt).toHaveLength(2);
  });

  it('is not repeated if the provider says no', async () => {
    const client = new Client(only({ retry })).provider(declines);
    expect((await client.called(idempotent)).error).toEqual(new Error('the card is declined'));
    expect(client.attemptsAt).toHaveLength(1);
  });

  it('is repeated no sooner than the provider asks for, and not by all at once', async () => {
    jitterIs(0.5);
    const client = new Client(only({ retry })).provider(isBusy(7_000), answers);
    await client.called();
    expect(client.attemptsAt).toEqual([0, 7_050]);
  });

  it('is given up at once if the provider asks for more time than there is', async () => {
    const client = new Client(only({ retry, deadline: { ms: 5_000 } })).provider(isBusy(7_000), answers);
    expect(await client.called()).toMatchObject({
      state: 'failed',
      atMs: 0,
      error: { message: 'come back later' },
    });
  });

  it('gets its fallback instead, which is told why', async () => {
    const client = new Client(only({ retry })).provider(fails);
    const fallback = (error: unknown) => `later, because ${(error as Error).message}`;
    expect((await client.called({ fallback })).value).toBe('later, because the provider is out of order');
  });
});

describe('Repeats', () => {
  const budget = { budgetRatio: 0.2, budgetPerSecond: 0, budgetBurst: 10 };

  it('stay within their share of the calls, however many fail', async () => {
    const client = new Client(only({ retry: { maxAttempts: 4, ...budget } })).provider(fails);
    for (let call = 0; call < 1_000; call += 1) await client.called(idempotent);
    // 1,000 calls earn 200 repeats, and 10 were saved up; without a budget it would be 3,000.
    expect(client.waits.length).toBeGreaterThanOrEqual(195);
    expect(client.waits.length).toBeLessThanOrEqual(210);
    expect(client.refusals('budget')).toBeGreaterThan(0);
  });

  it('of rare calls live from what each second earns', async () => {
    const retry = { maxAttempts: 2, budgetRatio: 0, budgetPerSecond: 0.5, budgetBurst: 1 };
    const client = new Client(only({ retry })).provider(fails);
    await client.called(idempotent);
    await client.called(idempotent);
    expect(client.attemptsAt).toHaveLength(3);
    await pass(2_000);
    await client.called(idempotent);
    expect(client.attemptsAt).toHaveLength(5);
  });
});

describe('An attempt', () => {
  it('is told to stop when its time is over, and the next one has time of its own', async () => {
    jitterIs(0);
    const signals: AbortSignal[] = [];
    const client = new Client(only({ retry: { maxAttempts: 2 }, timeout: { ms: 300 } })).provider(
      ({ signal }) => {
        signals.push(signal);
        return new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new Error('aborted'))),
        );
      },
      takes(299),
    );
    expect(await client.called(idempotent)).toMatchObject({ state: 'done', atMs: 599 });
    expect(signals[0]?.aborted).toBe(true);
    expect(client.events).toContainEqual(
      expect.objectContaining({ kind: 'attempt', outcome: 'timeout', attempt: 1, durationMs: 300 }),
    );
  });
});

describe('The deadline', () => {
  it('ends a call whose provider ignores every signal', async () => {
    const client = new Client(only({ deadline: { ms: 1_000 } })).provider(isSilent);
    const { error, atMs } = await client.called();
    expect(error).toBeInstanceOf(DeadlineExceeded);
    expect(error).toMatchObject({ failure: { mayHaveActed: true } });
    expect(atMs).toBe(1_000);
  });

  it('holds for all attempts together', async () => {
    jitterIs(0);
    const client = new Client(
      only({ deadline: { ms: 1_000 }, timeout: { ms: 400 }, retry: { maxAttempts: 9 } }),
    ).provider(isSilent);
    const { error, atMs } = await client.called(idempotent);
    expect(error).toEqual(expect.objectContaining({ message: expect.stringContaining('attempts: 3') }));
    expect(atMs).toBe(1_000);
    await pass(10_000);
    expect(client.attemptsAt).toEqual([0, 400, 800]);
  });

  it('counts the wait for a place', async () => {
    const client = new Client(only({ deadline: { ms: 1_000 }, bulkhead: { maxConcurrent: 1 } }));
    client.provider(takes(800), answers);
    client.call();
    await pass(0);
    client.provider(takes(800));
    const second = await client.called();
    expect(second).toMatchObject({ atMs: 1_000, error: expect.any(DeadlineExceeded) });
  });
});

describe('A caller who gives up', () => {
  it('is let go at once, with its own reason, and nothing is asked for it any more', async () => {
    jitterIs(0.99);
    const fallback = jest.fn();
    const client = new Client({ retry: { initialDelayMs: 5_000 } }).provider(fails);
    const caller = new AbortController();
    const outcome = client.call({ ...idempotent, signal: caller.signal, fallback });
    await pass(10);
    caller.abort(new Error('changed my mind'));
    await pass(0);
    expect(outcome).toMatchObject({ state: 'failed', error: { message: 'changed my mind' }, atMs: 10 });
    await pass(60_000);
    expect(client.attemptsAt).toEqual([0]);
    expect(fallback).not.toHaveBeenCalled();
  });

  it('says nothing about the provider', async () => {
    const client = new Client({ breaker: { failures: 1 } }).provider(isSilent);
    const caller = new AbortController();
    client.call({ signal: caller.signal });
    await pass(10);
    caller.abort();
    await pass(0);
    expect(client.policy.state().breaker).toBe('closed');
  });
});

describe('The circuit', () => {
  const breaker = { failures: 3, openMs: 5_000 };

  /** A client whose provider has just failed too often. */
  async function broken(parts: PolicyDeclaration = {}): Promise<Client> {
    const client = new Client(only({ breaker, ...parts })).provider(fails);
    for (let call = 0; call < 3; call += 1) await client.called();
    return client;
  }

  it('opens after so many failures in a row, and the provider is left alone', async () => {
    const client = await broken();
    expect(client.policy.state()).toMatchObject({
      breaker: 'open',
      since: new Date(),
      reason: 'the provider is out of order',
    });
    await pass(2_000);
    const { error } = await client.called(idempotent);
    expect(error).toBeInstanceOf(CircuitOpen);
    expect(error).toMatchObject({ failure: { mayHaveActed: false, retryAfterMs: 3_000 } });
    expect(client.attemptsAt).toHaveLength(3);
  });

  it('stays closed if the failures are not in a row', async () => {
    const client = new Client(only({ breaker })).provider(
      fails,
      fails,
      answers,
      fails,
      fails,
      declines,
      fails,
      fails,
      answers,
    );
    for (let call = 0; call < 9; call += 1) await client.called();
    expect(client.breakerChanges).toEqual([]);
  });

  it('takes silence for a failure, whether the attempt or the call ran out of time', async () => {
    for (const parts of [{ timeout: { ms: 300 } }, { deadline: { ms: 300 } }]) {
      const client = new Client(only({ breaker, ...parts })).provider(isSilent);
      for (let call = 0; call < 3; call += 1) await client.called();
      expect(client.policy.state().breaker).toBe('open');
    }
  });

  it('lets one call try after a while, and no other meanwhile', async () => {
    const client = (await broken()).provider(takes(100));
    await pass(5_000);
    const probe = client.call();
    await pass(50);
    expect(client.policy.state().breaker).toBe('half-open');
    expect((await client.called()).error).toBeInstanceOf(CircuitOpen);
    await pass(50);
    expect(probe).toMatchObject({ state: 'done' });
    expect(client.breakerChanges).toEqual(['open', 'half-open', 'closed']);
    expect(await client.called()).toMatchObject({ state: 'done' });
  });

  it('stays open as long as the tries fail', async () => {
    const client = await broken();
    await pass(5_000);
    await client.called();
    expect((await client.called()).error).toBeInstanceOf(CircuitOpen);
    await pass(5_000);
    client.provider(answers);
    expect(await client.called()).toMatchObject({ state: 'done' });
    expect(client.breakerChanges).toEqual(['open', 'half-open', 'open', 'half-open', 'closed']);
  });

  it('closes when the provider says no, as that is an answer', async () => {
    const client = (await broken()).provider(declines);
    await pass(5_000);
    await client.called();
    expect(client.policy.state().breaker).toBe('closed');
  });

  it('does not close because the caller of the try gave up', async () => {
    const client = (await broken()).provider(isSilent);
    await pass(5_000);
    const caller = new AbortController();
    client.call({ signal: caller.signal });
    await pass(10);
    caller.abort();
    await pass(0);
    expect(client.policy.state().breaker).toBe('open');
  });

  it('asks for as many good answers as it is told to', async () => {
    const client = (await broken({ breaker: { ...breaker, halfOpenCalls: 2 } })).provider(answers, fails);
    await pass(5_000);
    await client.called();
    expect(client.policy.state().breaker).toBe('half-open');
    await client.called();
    expect(client.policy.state().breaker).toBe('open');
  });

  it('is not asked again by a call that it has refused', async () => {
    const client = await broken({ retry: { maxAttempts: 5 } });
    await client.called(idempotent);
    expect(client.waits).toEqual([]);
    expect(client.refusals('breaker')).toBe(1);
  });

  it('by share of failures, opens above it, and only if there are enough calls', async () => {
    const sampling = { opens: 'sampling', failureRatio: 0.5, windowMs: 10_000, minimumPerSecond: 2 } as const;
    const client = new Client(only({ breaker: sampling }));
    for (let call = 0; call < 19; call += 1) await client.provider(call < 9 ? answers : fails).called();
    expect(client.policy.state().breaker).toBe('closed');
    await client.called();
    expect(client.policy.state().breaker).toBe('open');
  });
});

describe('The bulkhead', () => {
  const bulkhead = { maxConcurrent: 2, maxQueued: 1 };

  it('lets so many calls run, so many wait, and refuses the others at once', async () => {
    const client = new Client(only({ bulkhead })).provider(takes(100));
    const calls = Array.from({ length: 4 }, () => client.call());
    await pass(0);
    expect(client.policy.state()).toMatchObject({ running: 2, queued: 1 });
    expect(calls.map(({ state }) => state)).toEqual(['open', 'open', 'open', 'failed']);
    expect(calls[3]?.error).toBeInstanceOf(BulkheadFull);
    expect(calls[3]?.error).toMatchObject({ failure: { mayHaveActed: false } });
    await pass(200);
    expect(calls.map(({ atMs }) => atMs)).toEqual([100, 100, 200, 0]);
    expect(client.policy.state()).toMatchObject({ running: 0, queued: 0 });
  });

  it('has room again for whoever comes after a call that failed or ran out of time', async () => {
    const client = new Client(only({ bulkhead: { maxConcurrent: 1, maxQueued: 0 }, timeout: { ms: 100 } }));
    client.provider(fails, isSilent, answers);
    expect(await client.called()).toMatchObject({ state: 'failed' });
    expect(await client.called()).toMatchObject({ state: 'failed' });
    expect(await client.called()).toMatchObject({ state: 'done' });
  });
});

it('However calls go, they keep within their attempts, their time and their budget', async () => {
  const deed = fc.oneof(
    fc.constantFrom(answers, fails, declines, cannotBeReached, isSilent),
    fc.nat(3_000).map(isBusy),
    fc.nat(500).map(takes),
  );
  const call = fc.record({
    idempotent: fc.boolean(),
    gapMs: fc.nat(300),
    deeds: fc.array(deed, { minLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 12 }), async (calls) => {
      const client = new Client({
        deadline: { ms: 1_000 },
        bulkhead: { maxConcurrent: 2, maxQueued: 2 },
        retry: { maxAttempts: 4, initialDelayMs: 100, budgetRatio: 0.2, budgetPerSecond: 0, budgetBurst: 2 },
        breaker: { failures: 5, openMs: 700 },
        timeout: { ms: 300 },
      });
      let running = 0;
      const broken: string[] = [];
      for (const { idempotent, gapMs, deeds } of calls) {
        let attempts = 0;
        let mayHaveActed = false;
        const began = Date.now();
        const work = (attempt: Attempt) => {
          if (attempt.signal.aborted) broken.push('an attempt began after its end');
          if (mayHaveActed && !idempotent) broken.push('what may have been done was repeated');
          if ((attempts += 1) > 4) broken.push('there were too many attempts');
          const next = deeds[(attempts - 1) % deeds.length] ?? answers;
          mayHaveActed = next === fails || next === isSilent;
          return next(attempt);
        };
        running += 1;
        void client.policy
          .execute(work, { idempotent })
          .catch(() => undefined)
          .finally(() => {
            running -= 1;
            if (Date.now() - began > 1_000) broken.push('a call took too long');
          });
        await pass(gapMs);
      }
      while (running > 0) await jest.advanceTimersToNextTimerAsync();
      expect(broken).toEqual([]);
      expect(client.waits.length).toBeLessThanOrEqual(2 + 0.2 * calls.length);
      expect(client.policy.state()).toMatchObject({ running: 0 });
    }),
    { numRuns: 200 },
  );
});

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
