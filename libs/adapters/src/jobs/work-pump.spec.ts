import { eventually } from '@atlas/testing';
import { WorkPump, type WorkPumpOptions } from './work-pump';

const AN_HOUR = 3_600_000;
const away = () => Object.assign(new Error('the database is away'), { code: 'ECONNREFUSED' });

/** Jobs by number. Each is worked on until the test finishes it, unless `isPrompt`. */
class Workshop {
  readonly waiting: number[] = [];
  readonly batches: number[][] = [];
  readonly claims: number[] = [];
  readonly failures: string[] = [];
  readonly abandoned: string[] = [];
  readonly pump: WorkPump<number, number>;
  isPrompt = false;
  inWork = new Map<number, { finish: () => void; fail: (error: Error) => void }>();
  claimFailure: Error | undefined;
  recordFailure: (batch: readonly number[]) => Error | undefined = () => undefined;
  recording: Promise<void> = Promise.resolve();

  constructor(options: Partial<WorkPumpOptions> = {}) {
    this.pump = new WorkPump<number, number>(
      {
        claim: async (limit) => {
          this.claims.push(limit);
          if (this.claimFailure) throw this.claimFailure;
          return this.waiting.splice(0, limit);
        },
        work: (item) => {
          if (this.isPrompt) return Promise.resolve(item);
          const { promise, resolve, reject } = Promise.withResolvers<number>();
          this.inWork.set(item, { finish: () => resolve(item), fail: reject });
          return promise;
        },
        record: async (results) => {
          await this.recording;
          const failure = this.recordFailure(results);
          if (failure) throw failure;
          this.batches.push([...results]);
        },
      },
      {
        maxOpen: 4,
        everyMs: AN_HOUR,
        onFailure: (error) => this.failures.push((error as Error).message),
        onAbandoned: (error) => this.abandoned.push((error as Error).message),
        ...options,
      },
    );
  }

  get recorded(): number[] {
    return this.batches.flat().sort((a, b) => a - b);
  }

  finish(...items: number[]): void {
    for (const item of items) this.inWork.get(item)!.finish();
  }
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

describe('A work pump', () => {
  let workshop: Workshop;

  const begin = async (items: readonly number[], options?: Partial<WorkPumpOptions>) => {
    workshop = new Workshop(options);
    workshop.waiting.push(...items);
    workshop.pump.start();
    await eventually(() => workshop.inWork.size === Math.min(items.length, options?.maxOpen ?? 4));
    return workshop;
  };
  afterEach(async () => {
    const stopped = workshop.pump.stop();
    for (const { finish } of workshop.inWork.values()) finish();
    await stopped;
  });

  it('works on as many at a time as it may, and claims more as results are recorded', async () => {
    const { inWork, waiting, claims } = await begin(upTo(6));
    expect([[...inWork.keys()], waiting]).toEqual([
      [1, 2, 3, 4],
      [5, 6],
    ]);
    workshop.finish(1, 2);
    await eventually(() => inWork.size === 6);
    expect(claims).toEqual([4, 2]);
  });

  it('lets a slow item hold up no other', async () => {
    await begin(upTo(20));
    workshop.isPrompt = true;
    workshop.finish(2, 3, 4);
    await eventually(() => workshop.recorded.length === 19);
    expect(workshop.recorded).toEqual(upTo(20).slice(1));
  });

  it('records what arrives during a record as the next batch', async () => {
    await begin(upTo(4));
    const recording = Promise.withResolvers<void>();
    workshop.recording = recording.promise;
    workshop.finish(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    workshop.finish(2, 4);
    await new Promise(setImmediate);
    workshop.finish(3);
    await new Promise(setImmediate);
    recording.resolve();
    await eventually(() => workshop.recorded.length === 4);
    expect(workshop.batches).toEqual([[1], [2, 4, 3]]);
  });

  it('looks for items when it is woken, and now and then', async () => {
    await begin([]);
    workshop.waiting.push(1);
    workshop.pump.wake();
    await eventually(() => workshop.inWork.has(1));
    const other = new Workshop({ everyMs: 10 });
    other.isPrompt = true;
    other.pump.start();
    await eventually(() => other.claims.length > 1);
    other.waiting.push(1);
    await eventually(() => other.recorded.length === 1);
    await other.pump.stop();
  });

  it('does not look for more after each result, if the last look found less than there was room for', async () => {
    const { claims } = await begin(upTo(3));
    workshop.finish(1, 2, 3);
    await eventually(() => workshop.recorded.length === 3);
    expect(claims).toEqual([4]);
  });

  it('keeps the results of an unavailable database, and records them once it is back', async () => {
    await begin(upTo(4));
    workshop.recordFailure = away;
    workshop.finish(1, 2);
    await eventually(() => workshop.failures.length > 1);
    workshop.finish(3);
    workshop.recordFailure = () => undefined;
    await eventually(() => workshop.recorded.length === 3);
    expect(workshop.recorded).toEqual([1, 2, 3]);
    expect(workshop.abandoned).toEqual([]);
  });

  it('keeps those that are left when the database goes away while it records one by one', async () => {
    await begin(upTo(4));
    let isAway = false;
    workshop.recordFailure = (batch) => {
      if (isAway) return away();
      if (batch.length > 1) return new Error('one of them is bad');
      isAway = batch[0] === 2;
      return undefined;
    };
    workshop.finish(1, 2, 3, 4);
    await eventually(() => workshop.failures.length > 0);
    expect(workshop.recorded).toEqual([1, 2]);
    workshop.recordFailure = () => undefined;
    await eventually(() => workshop.recorded.length === 4);
    expect(workshop.recorded).toEqual([1, 2, 3, 4]);
  });

  it('looks again after a claim that failed', async () => {
    await begin([]);
    workshop.claimFailure = away();
    workshop.waiting.push(1);
    workshop.pump.wake();
    await eventually(() => workshop.failures.length > 0);
    workshop.claimFailure = undefined;
    await eventually(() => workshop.inWork.has(1));
  });

  it('records the others when a result can not be recorded, and has room again for another item', async () => {
    await begin(upTo(6));
    workshop.recordFailure = (batch) => (batch.includes(2) ? new Error('2 is bad') : undefined);
    workshop.finish(1, 2, 3, 4);
    await eventually(() => workshop.inWork.size === 6);
    expect([workshop.recorded, workshop.abandoned]).toEqual([[1, 3, 4], ['2 is bad']]);
  });

  it('goes on when the work on an item fails, and has room again for another item', async () => {
    await begin(upTo(5));
    workshop.inWork.get(3)!.fail(new Error('3 is broken'));
    await eventually(() => workshop.inWork.has(5));
    expect(workshop.abandoned).toEqual(['3 is broken']);
  });

  it('stops once what it has claimed is worked on and recorded, and claims no more', async () => {
    await begin(upTo(6));
    const stopped = jest.fn();
    const stopping = workshop.pump.stop().then(stopped);
    workshop.finish(1, 2, 3);
    await eventually(() => workshop.recorded.length === 3);
    expect(stopped).not.toHaveBeenCalled();
    workshop.finish(4);
    await stopping;
    expect([workshop.recorded, workshop.waiting]).toEqual([
      [1, 2, 3, 4],
      [5, 6],
    ]);
  });

  it('does not wait for an unavailable database when it stops', async () => {
    await begin([1]);
    workshop.recordFailure = away;
    const stopping = workshop.pump.stop();
    workshop.finish(1);
    await stopping;
    expect(workshop.abandoned).toEqual(['the database is away']);
  });
});
