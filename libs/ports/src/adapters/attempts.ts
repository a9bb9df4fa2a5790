/** What a consumer is about to handle: a batch, by its first record, or a record by itself. */
export interface Attempt {
  readonly unit: 'batch' | 'record';
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/**
 * What a consumer has begun to handle and did not end, so that a record that ends its process is found. Written outside
 * of the unit of work that handles it, because that one is lost with the process.
 */
export abstract class Attempts {
  /**
   * Takes down, at once, that `consumer` begins. Each offset has its own count.
   * @param anew counts from 1 again.
   * @returns how often it has begun at this offset without an end, this time included.
   */
  abstract begin(consumer: string, attempt: Attempt, anew?: boolean): Promise<number>;

  /** Whatever was begun in the partition has ended, well or not, and its process lives. */
  abstract end(consumer: string, topic: string, partition: number): Promise<void>;
}
