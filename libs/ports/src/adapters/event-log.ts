import type { EncodedEvent, TopicSpec } from '@atlas/events';

/** A record to append: the partition follows from the key. */
export interface OutgoingRecord extends EncodedEvent {
  readonly topic: string;
}

/** A record as read. A foreign producer may leave out key or value, so readers must expect that. */
export interface ConsumedRecord {
  readonly topic: string;
  readonly partition: number;
  /** Position in the partition, from 0, growing. Not always by one: a log may use some for itself. */
  readonly offset: number;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer | null;
  /** When the log took it in, milliseconds since 1970. */
  readonly timestamp: number;
}

/** Committed records of one partition, in offset order. */
export interface RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly ConsumedRecord[];
}

export interface Subscription {
  /** Members of one group share its partitions; each record goes to one of them. */
  readonly group: string;
  readonly topics: readonly string[];
  /**
   * Handles one batch. The group's offset moves past the batch once the promise resolves; if it rejects, the same
   * records come again after a pause. One batch at a time per member. `signal` aborts when the partition is taken
   * away or the consumer stops.
   */
  readonly handle: (batch: RecordBatch, signal: AbortSignal) => Promise<void>;
  /** At most so many records in a batch. Default 200. */
  readonly maxBatchRecords?: number;
}

export interface Consumer {
  /** The partitions that this member owns now, as `topic/partition`, sorted. */
  assignment(): readonly string[];
  /** Ends after the batch in hand, commits its offset, and gives the partitions back. */
  stop(): Promise<void>;
}

/** The one process that may publish for `source` at present. */
export interface PublisherSession {
  /** What the last successful `publish` of this source stored, by whichever process; undefined at first. */
  readonly cursor: string | undefined;
  /**
   * Appends the records, in order, and stores the cursor: both or neither, once, whatever crashes when.
   * @throws FencedError if another process has opened a session for this source since.
   */
  publish(records: readonly OutgoingRecord[], cursor: string): Promise<void>;
  close(): Promise<void>;
}

/** Another process publishes for this source now: this one must stop, its state is out of date. */
export class FencedError extends Error {
  override readonly name = 'FencedError';

  constructor(source: string) {
    super(`Another publisher has taken over "${source}"; this one must not publish any more`);
  }
}

export interface PartitionDescription {
  readonly topic: string;
  readonly partition: number;
  /** The oldest offset still kept. */
  readonly start: number;
  /** The offset that the next record will get. */
  readonly end: number;
}

export interface GroupOffset {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** The next offset to be handled. */
  readonly committed: number;
}

/** A partitioned, durable log of records with consumer groups: Kafka, or what stands in for it. */
export abstract class EventLog {
  /** Makes the topics that are missing. @throws Error if one is there with other partitions. */
  abstract ensureTopics(topics: readonly TopicSpec[]): Promise<void>;

  /**
   * Becomes the publisher of `source`, fencing whoever was before.
   * @param source the publishing service (and shard), the same after a restart.
   */
  abstract openPublisher(source: string): Promise<PublisherSession>;

  /** Joins a consumer group; a new group begins at the oldest record. */
  abstract subscribe(subscription: Subscription): Promise<Consumer>;

  /** Every partition of every topic, sorted by topic and number. */
  abstract describe(): Promise<readonly PartitionDescription[]>;

  /** What each group has committed. */
  abstract groupOffsets(): Promise<readonly GroupOffset[]>;

  /** Reads records without a group: from offset `from` up to the end as it is now. */
  abstract read(topic: string, partition: number, from?: number): AsyncIterable<ConsumedRecord>;

  /** Sets where a group with no running member goes on. @throws Error if it has running members. */
  abstract seekGroup(group: string, topic: string, partition: number, offset: number): Promise<void>;

  /**
   * For how long after it was appended a record of these topics may still be delivered, milliseconds; Infinity if they
   * are kept for ever. Whoever must know a record that comes again has to remember it for so long.
   */
  abstract redeliveryWindowMs(topics: readonly string[]): Promise<number>;

  abstract close(): Promise<void>;
}
