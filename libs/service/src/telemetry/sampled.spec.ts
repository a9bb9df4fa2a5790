import { sampled } from './sampled';

describe('A value that is sampled', () => {
  it('is asked for once in its time, however many want it', async () => {
    let asked = 0;
    const value = sampled(60_000, async () => (asked += 1));
    expect(await Promise.all([value(), value(), value()])).toEqual([1, 1, 1]);
    expect(await value()).toBe(1);
  });

  it('is asked for anew after that', async () => {
    let asked = 0;
    const value = sampled(0, async () => (asked += 1));
    expect([await value(), await value()]).toEqual([1, 2]);
  });

  it('is not asked for while the last question is still open, and left out as long as it is', async () => {
    let asked = 0;
    const gate = Promise.withResolvers<number>();
    const value = sampled(0, () => {
      asked += 1;
      return gate.promise;
    });
    expect(await Promise.all([value(), value()])).toEqual([undefined, undefined]);
    gate.resolve(7);
    await gate.promise;
    expect(asked).toBe(1);
  });

  it('is left out if the question fails', async () => {
    const value = sampled(60_000, () => Promise.reject(new Error('away')));
    expect(await value()).toBeUndefined();
  });
});
