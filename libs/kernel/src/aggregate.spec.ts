import { changed, unchanged } from './aggregate';
import { err, ok } from './result';

describe('A change', () => {
  it('is the next state and what happened, or the same state and nothing', () => {
    const [loan, renewed] = [{ weeks: 4 }, { weeks: 5 }];
    expect(changed(renewed, 'renewed')).toEqual({ next: renewed, events: ['renewed'] });
    expect(unchanged(loan)).toEqual({ next: loan, events: [] });
  });
});

describe('A result', () => {
  it('is a value or an error', () => {
    expect(ok(1)).toEqual({ ok: true, value: 1 });
    expect(err('sold out')).toEqual({ ok: false, error: 'sold out' });
  });
});
