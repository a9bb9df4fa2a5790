import type { PartitionDescription } from './event-log';

/** A partition of one log: the next topic of this name has other ones. */
export type LogPartition = Pick<PartitionDescription, 'topic' | 'partition' | 'log'>;

/** How far a consumer has come in a partition. */
export interface Position extends LogPartition {
  /** The offset of the next record to handle. */
  readonly next: number;
  readonly movedAt: Date;
}

/**
 * How far consumers have come, stored where the effects of their handlers are and moved in the same unit of work. So
 * both are always of the same moment, even after the database was restored to an earlier one.
 */
export abstract class Positions {
  /**
   * The consumer's positions in these partitions, in the given order. In a log that it has not read before, it begins at
   * the oldest record.
   */
  abstract open(consumer: string, partitions: readonly PartitionDescription[]): Promise<readonly number[]>;

  /**
   * Moves a position in the open unit of work, which then keeps it locked until its end.
   * @throws PositionMovedError if it isn't at `from`.
   */
  abstract move(consumer: string, partition: LogPartition, from: number, to: number): Promise<void>;

  /** Sets a position, wherever it is: the consumer, which may be running, continues there. Joins the open unit of work. */
  abstract set(consumer: string, partition: LogPartition, next: number): Promise<void>;

  /** By topic and partition, those of former logs included. */
  abstract list(consumer: string): Promise<readonly Position[]>;
}

/** Another process has handled the batch, or the position was set anew: what is in the open unit must not be committed. */
export class PositionMovedError extends Error {
  override readonly name = 'PositionMovedError';

  constructor(consumer: string, { topic, partition }: LogPartition, expected: number) {
    super(
      `The position of "${consumer}" in ${topic}/${partition} is no longer ${expected}: another process has handled ` +
        'this batch, or the position was set',
    );
  }
}
