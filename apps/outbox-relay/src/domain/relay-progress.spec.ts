import { RelayProgress } from './relay-progress';

const MINUTE_MS = 60_000;
const at = (ms: number) => new Date(Date.UTC(2026, 0, 1, 10) + ms);
const backoff = { first: 100, most: 5_000 };

describe('The progress of a relay', () => {
  it('counts what it publishes; a page without records is no transaction', () => {
    const progress = new RelayProgress();
    expect(progress).toMatchObject({ role: 'standby', cursor: undefined, published: 0, transactions: 0 });
    progress.becomeOwner('7');
    expect(progress).toMatchObject({ role: 'owner', cursor: '7' });
    progress.advance(3, '10');
    progress.advance(0, '11');
    progress.advance(1, '12');
    expect(progress).toMatchObject({ cursor: '12', published: 4, transactions: 2, failures: 0 });
  });

  it('reports a failure at once, and the same one again after a minute', () => {
    const progress = new RelayProgress();
    expect(progress.fail('the log is down', at(0))).toBe(true);
    expect(progress.fail('the log is down', at(MINUTE_MS - 1))).toBe(false);
    expect(progress.fail('the log is down', at(MINUTE_MS))).toBe(true);
    expect(progress.fail('the log is down', at(MINUTE_MS + 1))).toBe(false);
    expect(progress.fail('the database is down', at(MINUTE_MS + 2))).toBe(true);
    expect(progress.failures).toBe(5);
  });

  it('reports a failure again that comes back after a success', () => {
    const progress = new RelayProgress();
    progress.fail('the log is down', at(0));
    progress.advance(1, '1');
    expect(progress.fail('the log is down', at(1))).toBe(true);
  });

  it('waits twice as long after each failure, up to the longest wait, from half to all of it', () => {
    const progress = new RelayProgress();
    const waits = Array.from({ length: 8 }, () => {
      progress.fail('the log is down', at(0));
      return progress.retryDelayMs(backoff, 1);
    });
    expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect([progress.retryDelayMs(backoff, 0), progress.retryDelayMs(backoff, 0.5)]).toEqual([2_500, 3_750]);
    progress.advance(0, '1');
    progress.fail('the log is down', at(0));
    expect(progress.retryDelayMs(backoff, 1)).toBe(100);
  });

  it('shows its failure until it succeeds, or for a minute', () => {
    const progress = new RelayProgress();
    expect(progress.failureAt(at(0))).toBeUndefined();
    progress.fail('the log is down', at(0));
    expect(progress.failureAt(at(MINUTE_MS - 1))).toBe('the log is down');
    expect(progress.failureAt(at(MINUTE_MS))).toBeUndefined();
    progress.fail('the log is down', at(MINUTE_MS));
    progress.advance(1, '1');
    expect(progress.failureAt(at(MINUTE_MS))).toBeUndefined();
  });

  it('knows the backlog as the owner, and while it fails with a cursor of its own', () => {
    const progress = new RelayProgress();
    expect(progress.knowsBacklogAt(at(0))).toBe(false);
    progress.fail('the log is down', at(0));
    expect(progress.knowsBacklogAt(at(0))).toBe(false);
    progress.becomeOwner(undefined);
    expect(progress.knowsBacklogAt(at(0))).toBe(true);
    progress.advance(1, '1');
    progress.role = 'standby';
    expect(progress.knowsBacklogAt(at(0))).toBe(false);
    progress.fail('the log is down', at(0));
    expect(progress.knowsBacklogAt(at(MINUTE_MS - 1))).toBe(true);
    expect(progress.knowsBacklogAt(at(MINUTE_MS))).toBe(false);
  });
});
