import { percentile } from './percentile';

describe('A percentile', () => {
  it('is one of the values, by nearest rank', () => {
    const values = [15, 20, 35, 40, 50]; // the example of the method's usual description
    expect([5, 30, 40, 50, 100].map((percent) => percentile(values, percent))).toEqual([15, 20, 20, 35, 50]);
  });

  it('of hundred values is the value of that rank', () => {
    const values = Array.from({ length: 100 }, (_, n) => n + 1);
    expect([1, 50, 95, 99, 100].map((percent) => percentile(values, percent))).toEqual([1, 50, 95, 99, 100]);
  });

  it('of one value is that value, and of none is nothing', () => {
    expect(percentile([7], 99)).toBe(7);
    expect(percentile([], 50)).toBeUndefined();
  });
});
