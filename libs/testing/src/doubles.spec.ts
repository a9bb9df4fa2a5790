import {
  clockContract,
  FixedClock,
  idGeneratorContract,
  randomContract,
  SeededRandom,
  SequentialIds,
} from '.';

clockContract('that stands still', () => new FixedClock());
idGeneratorContract('that counts', () => new SequentialIds());
randomContract('of a seed', () => new SeededRandom(7));

describe('The test implementations of the application ports', () => {
  it('draw the same random numbers for the same seed, within bounds', () => {
    const draw = (seed: number) => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 1_000 }, () => [random.fraction(), random.whole(3, 5)] as const);
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(7).every(([fraction]) => fraction >= 0 && fraction < 1)).toBe(true);
    expect(new Set(draw(7).map(([, whole]) => whole))).toEqual(new Set([3, 4, 5]));
  });

  it('advance time only on request', () => {
    const clock = new FixedClock(new Date(1_000));
    expect(clock.now()).toEqual(new Date(1_000));
    clock.advance(500);
    expect(clock.now()).toEqual(new Date(1_500));
  });
});
