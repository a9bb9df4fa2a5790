import { AdaptiveLimit, type AdaptiveLimitOptions } from './adaptive-limit';

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

/** Works on 4 requests at a time, 50 ms each, so on 80 per second; the others wait in order. */
class Server {
  readonly latencies: number[] = [];
  refused = 0;
  private busy = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    readonly limit: AdaptiveLimit,
    public workMs = 50,
  ) {}

  request(): void {
    const admission = this.limit.tryAdmit();
    if (!admission) {
      this.refused += 1;
      return;
    }
    const arrivedAt = performance.now();
    const work = () => {
      this.busy += 1;
      setTimeout(() => {
        this.busy -= 1;
        admission.release();
        this.latencies.push(performance.now() - arrivedAt);
        this.waiting.shift()?.();
      }, this.workMs);
    };
    if (this.busy < 4) work();
    else this.waiting.push(work);
  }

  /** Requests at even distances. @returns the latencies of those that were taken in, milliseconds. */
  async load({ perSecond, seconds }: { perSecond: number; seconds: number }): Promise<readonly number[]> {
    this.latencies.length = 0;
    this.refused = 0;
    for (let sent = 0; sent < perSecond * seconds; sent += 1) {
      this.request();
      await pass(1_000 / perSecond);
    }
    return this.latencies;
  }
}

const serve = (options: Partial<AdaptiveLimitOptions> = {}) =>
  new Server(new AdaptiveLimit({ min: 2, max: 1_000, initial: 100, targetMs: 200, ...options }));

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('A limit that adapts', () => {
  it('refuses nothing that the server has time for', async () => {
    const server = serve({ initial: 10 });
    await server.load({ perSecond: 75, seconds: 30 });
    expect(server.refused).toBe(0);
  });

  it('under three times the load a server can carry, keeps its throughput, and near the target its latency', async () => {
    const server = serve();
    await server.load({ perSecond: 240, seconds: 20 });
    const latencies = await server.load({ perSecond: 240, seconds: 20 });
    expect(latencies.length).toBeGreaterThan(0.95 * 80 * 20);
    expect(Math.max(...latencies)).toBeLessThan(300);
    expect(server.refused).toBeGreaterThan(2.5 * 80 * 20 * 0.75);
  });

  it('is what makes the difference', async () => {
    const server = serve({ min: 100_000, max: 100_000 });
    const latencies = await server.load({ perSecond: 240, seconds: 20 });
    expect(Math.max(...latencies)).toBeGreaterThan(10_000);
  });

  it('finds back when the server has recovered', async () => {
    const server = serve();
    server.workMs = 500;
    await server.load({ perSecond: 75, seconds: 30 });
    expect(server.limit.limit).toBeLessThan(10);
    server.workMs = 50;
    await server.load({ perSecond: 75, seconds: 30 });
    await server.load({ perSecond: 75, seconds: 10 });
    expect(server.refused).toBe(0);
  });

  it('takes one slow episode for one, however many requests were in it', async () => {
    const limit = new AdaptiveLimit({ min: 2, max: 1_000, initial: 100, targetMs: 200 });
    const admissions = Array.from({ length: 90 }, () => limit.tryAdmit());
    await pass(1_000);
    for (const admission of admissions) {
      admission?.release();
      await pass(1);
    }
    // At most halved; nine tenths of it, ninety times over, would leave nothing.
    expect(limit.limit).toBeGreaterThanOrEqual(50);
    expect(limit.limit).toBeLessThanOrEqual(90);
  });

  it('does not take one slow request among fast ones for overload', async () => {
    const limit = new AdaptiveLimit({ min: 2, max: 1_000, initial: 100, targetMs: 200 });
    const slow = limit.tryAdmit();
    for (let fast = 0; fast < 100; fast += 1) {
      const admission = limit.tryAdmit();
      await pass(10);
      admission?.release();
    }
    slow?.release();
    expect(limit.limit).toBe(100);
  });

  it('stays within its bounds', async () => {
    const slow = serve({ min: 8, targetMs: 10 });
    await slow.load({ perSecond: 500, seconds: 20 });
    expect(slow.limit.limit).toBe(8);
    const fast = serve({ initial: 2, max: 6 });
    await fast.load({ perSecond: 79, seconds: 60 });
    expect(fast.limit.limit).toBeLessThanOrEqual(6);
  });

  it('does not grow while nobody makes use of it', async () => {
    const server = serve();
    await server.load({ perSecond: 20, seconds: 30 });
    expect(server.limit.limit).toBe(100);
  });

  it('counts work that is done once', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 1, targetMs: 200 });
    const first = limit.tryAdmit();
    expect(limit.tryAdmit()).toBeUndefined();
    first?.release();
    first?.release();
    expect(limit.inFlight).toBe(0);
    expect(limit.tryAdmit()).toBeDefined();
    expect(limit.tryAdmit()).toBeUndefined();
  });
});
