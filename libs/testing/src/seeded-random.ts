import { createHash } from 'node:crypto';

/** SeededRandom that can be repeated: the same seed draws the same numbers in the same order. */
export class SeededRandom {
  private drawn = 0;

  constructor(readonly seed: number) {}

  /** With the seed that the environment names in FAULTS_SEED, so that a failure can be looked for again, or any. */
  static fromEnvironment(): SeededRandom {
    return new SeededRandom(Number(process.env['FAULTS_SEED'] ?? Math.floor(Math.random() * 1e9)));
  }

  /** From 0 up to 1. */
  fraction(): number {
    const hash = createHash('sha256').update(`${this.seed} ${this.drawn++}`);
    return hash.digest().readUInt32BE() / 2 ** 32;
  }

  /** A whole number from `first` to `last`. */
  whole(first: number, last: number): number {
    return first + Math.floor(this.fraction() * (last - first + 1));
  }
}
