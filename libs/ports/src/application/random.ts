export abstract class Random {
  /** A number from 0 (inclusive) to 1 (exclusive), evenly distributed. */
  abstract fraction(): number;
}
