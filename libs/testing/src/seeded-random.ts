import { Random } from '@atlas/ports/application';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Reproducible random numbers: the same seed draws the same numbers in the same order. */
export class SeededRandom extends Random {
  private readonly generator;

  constructor(readonly seed: number) {
    super();
    this.generator = xoroshiro128plus(seed);
  }

  /** Uses the seed in FAULTS_SEED, to reproduce a failure, or a new one. */
  static fromEnvironment(): SeededRandom {
    return new SeededRandom(Number(process.env['FAULTS_SEED'] ?? Math.floor(Math.random() * 1e9)));
  }

  fraction(): number {
    return uniformFloat64(this.generator);
  }

  /** An integer from `first` to `last`, both inclusive. */
  whole(first: number, last: number): number {
    return uniformInt(this.generator, first, last);
  }
}
