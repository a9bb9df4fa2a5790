import { Loop, type Next } from './loop';

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

/** A worker whose steps go as they are told, the last way for ever. */
function worker(...ways: (Next | Error)[]) {
  const stepsAt: number[] = [];
  const failures: [string, number][] = [];
  const start = Date.now();
  let onFailure: (error: unknown) => void = () => undefined;
  const loop = new Loop(
    async () => {
      stepsAt.push(Date.now() - start);
      const way = (ways.length > 1 ? ways.shift() : ways[0]) ?? 'rest';
      if (way instanceof Error) throw way;
      return way;
    },
    {
      restMs: 1_000,
      initialDelayMs: 100,
      maxDelayMs: 400,
      onFailure: (error, delayMs) => {
        failures.push([(error as Error).message, delayMs]);
        onFailure(error);
      },
    },
  );
  return { loop, stepsAt, failures, failing: (react: typeof onFailure) => void (onFailure = react) };
}

const away = new Error('the database is away');

beforeEach(() => {
  jest.useFakeTimers();
  jest.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

describe('Work in the background', () => {
  it('goes on while there is something to do, and rests while there is not', async () => {
    const { loop, stepsAt } = worker('again', 'again', 'rest', 'again', 'rest');
    void loop.start();
    await pass(500);
    expect(stepsAt).toHaveLength(3);
    await pass(1_000);
    expect(stepsAt).toHaveLength(5);
    await loop.stop();
  });

  it('is woken from its rest', async () => {
    const { loop, stepsAt } = worker('rest');
    void loop.start();
    await pass(300);
    loop.wake();
    await pass(999);
    expect(stepsAt).toEqual([0, 300]);
    await pass(1);
    expect(stepsAt).toEqual([0, 300, 1_300]);
    await loop.stop();
  });

  it('does not rest when it was woken during its step', async () => {
    const seen: string[] = [];
    const loop = new Loop(
      async () => {
        seen.push('step');
        if (seen.length === 1) loop.wake();
        return 'rest';
      },
      { restMs: 1_000, onFailure: () => undefined },
    );
    void loop.start();
    await pass(500);
    expect(seen).toHaveLength(2);
    await loop.stop();
  });

  it('waits longer with each failure in a row, up to a limit, and begins anew after a step that went well', async () => {
    const { loop, failures } = worker(away, away, away, away, 'again', away, 'rest');
    void loop.start();
    await pass(2_000);
    expect(failures.map(([, delayMs]) => delayMs)).toEqual([50, 100, 200, 200, 50]);
    await loop.stop();
  });

  it('is not hurried while it fails', async () => {
    const { loop, stepsAt } = worker(away);
    void loop.start();
    for (let wake = 0; wake < 49; wake += 1) {
      await pass(1);
      loop.wake();
    }
    expect(stepsAt).toEqual([0]);
    await loop.stop();
  });

  it('is done when its step says so', async () => {
    const { loop, stepsAt } = worker(away, 'done');
    const finished = loop.start();
    await pass(50);
    await expect(finished).resolves.toBeUndefined();
    expect(stepsAt).toEqual([0, 50]);
  });

  it('ends with an error that waiting does not mend', async () => {
    const { loop, failing, stepsAt } = worker(away);
    failing((error) => {
      throw error;
    });
    await expect(loop.start()).rejects.toThrow('the database is away');
    await loop.stop();
    await pass(10_000);
    expect(stepsAt).toEqual([0]);
  });

  it.each([
    ['rests', 'rest' as const],
    ['waits after a failure', away],
  ])('stops at once while it %s', async (_where, way) => {
    const { loop, stepsAt } = worker(way);
    void loop.start();
    await pass(10);
    await loop.stop();
    expect(jest.getTimerCount()).toBe(0);
    await pass(10_000);
    expect(stepsAt).toEqual([0]);
  });

  it('stops after the step in hand, which is told', async () => {
    let told = false;
    const loop = new Loop(
      (signal) =>
        new Promise<Next>((resolve) =>
          signal.addEventListener('abort', () => {
            told = true;
            setTimeout(resolve, 100, 'again');
          }),
        ),
      { restMs: 1_000, onFailure: () => undefined },
    );
    void loop.start();
    const stopped = jest.fn();
    void loop.stop().then(stopped);
    await pass(99);
    expect([told, stopped.mock.calls.length]).toEqual([true, 0]);
    await pass(10);
    expect(stopped).toHaveBeenCalled();
  });
});
