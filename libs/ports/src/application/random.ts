export abstract class Random {
  /** A uniformly distributed number from 0 (inclusive) to 1 (exclusive). */
  abstract fraction(): number;
}
