import { MemoryDatabase, MemoryDeadLetters, MemoryUnitOfWork } from '@atlas/testing';
import { DeadLetterPruner } from './dead-letter-pruner';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('Resolved dead letters', () => {
  it('are kept for a month, longer if the log keeps their records, and open ones for ever', async () => {
    const letters = new MemoryDeadLetters(new MemoryUnitOfWork(new MemoryDatabase()));
    const place = { topic: 'lending.events', partition: 0, log: 'first' };
    for (let offset = 0; offset < 1_202; offset += 1) {
      const record = { ...place, offset, key: null, headers: {}, value: null, timestamp: 0 };
      await letters.add('lending', { record, kind: 'malformed', reason: 'it is', attempts: 0 });
    }
    const [, ...others] = await letters.list('lending', { state: 'all', limit: 2_000 });
    for (const { id } of others) await letters.resolve('lending', id, 'replayed');
    const clock = jest.spyOn(Date, 'now');
    const now = Date.now();
    const pruned = (days: number, windowMs: number, retentionMs?: number) => {
      clock.mockReturnValue(now + days * DAY);
      return new DeadLetterPruner(letters, 'lending', async () => windowMs, retentionMs).prune();
    };

    expect(await pruned(29, HOUR)).toBe(0);
    expect(await pruned(59, 60 * DAY)).toBe(0);
    expect(await pruned(999, Infinity)).toBe(0);
    expect(await pruned(31, HOUR, 32 * DAY)).toBe(0);
    expect(await pruned(31, HOUR)).toBe(1_201);

    clock.mockRestore();
    expect(await letters.list('lending', { state: 'all', limit: 9 })).toMatchObject([
      { resolution: undefined },
    ]);
  }, 20_000);
});
