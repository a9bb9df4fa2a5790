/** What a consumer is about to handle: a batch, identified by its first record, or a single record. */
export interface Attempt {
  readonly unit: 'batch' | 'record';
  readonly topic: string;
  readonly partition: number;
  readonly log: string;
  readonly offset: number;
}

/**
 * Counts handling attempts that did not finish, to detect a record that crashes its consumer. Written outside the
 * handling unit of work, because that is lost with the process.
 */
export abstract class Attempts {
  /**
   * Records immediately that `consumer` starts an attempt. Each offset of each log has its own count.
   * @param anew restarts the count at 1.
   * @returns the number of unfinished attempts at this offset, including this one.
   */
  abstract begin(consumer: string, attempt: Attempt, anew?: boolean): Promise<number>;

  /** Records that every attempt in the partition has ended, successfully or not, without a crash. */
  abstract end(consumer: string, topic: string, partition: number): Promise<void>;
}
