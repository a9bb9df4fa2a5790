import type { Clock, IdGenerator, Random } from '@atlas/ports/application';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const MANY = 1_000;

const many = <T>(next: () => T): readonly T[] => Array.from({ length: MANY }, next);

/** Call it at the top level of a spec, as the other contracts of this folder. */
export function clockContract(name: string, start: () => Clock): void {
  describe(`The clock, ${name}`, () => {
    it('tells a valid time', () => {
      expect(start().now().getTime()).toBeGreaterThan(0);
    });

    it('never goes back unless it is set back', () => {
      const clock = start();
      const times = many(() => clock.now().getTime());
      expect([...times].sort((a, b) => a - b)).toEqual(times);
    });

    it('is not changed by changes to a time that it has told', () => {
      const clock = start();
      const before = clock.now().getTime();
      clock.now().setFullYear(1999);
      expect(clock.now().getTime()).toBeGreaterThanOrEqual(before);
    });
  });
}

export function idGeneratorContract(name: string, start: () => IdGenerator): void {
  describe(`The id generator, ${name}`, () => {
    it('makes UUIDs of version 7, none twice', () => {
      const ids = start();
      const made = many(() => ids.next());
      expect(made.filter((id) => !UUID_V7.test(id))).toEqual([]);
      expect(new Set(made).size).toBe(MANY);
    });

    it('makes ids that sort by their creation', () => {
      const ids = start();
      const made = many(() => ids.next());
      expect([...made].sort()).toEqual(made);
    });
  });
}

export function randomContract(name: string, start: () => Random): void {
  describe(`The random numbers, ${name}`, () => {
    it('are from 0, inclusive, to 1, exclusive', () => {
      const random = start();
      const drawn = many(() => random.fraction());
      expect(drawn.filter((each) => !(each >= 0 && each < 1))).toEqual([]);
    });

    it('are spread evenly', () => {
      const random = start();
      const tenths = many(() => Math.floor(random.fraction() * 10));
      // Each tenth gets about 100; less than 40 is 6 standard deviations away.
      for (let tenth = 0; tenth < 10; tenth++) {
        expect(tenths.filter((each) => each === tenth).length).toBeGreaterThan(40);
      }
    });
  });
}
