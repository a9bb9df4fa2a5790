import type { EncodedEvent, TopicSpec } from '@atlas/events';

/** A record to append; its key determines the partition. */
export interface OutgoingRecord extends EncodedEvent {
  readonly topic: string;
}

/**
 * A record as read. A foreign producer may omit key or value, and write bytes that aren't UTF-8 into key and headers:
 * their text is that of `textOf`.
 */
export interface ConsumedRecord {
  readonly topic: string;
  readonly partition: number;
  /** See {@link PartitionDescription}. */
  readonly log: string;
  /** Position in the partition, from 0, ascending. May have gaps: a log may use offsets internally. */
  readonly offset: number;
  readonly key: string | null;
  /** Of several headers with one name, the last. One without a value is empty. */
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer | null;
  /** When it was appended, milliseconds since 1970; always a valid time, although a foreign producer may choose it. */
  readonly timestamp: number;
}

/** Committed records of one partition, in offset order. */
export interface RecordBatch {
  readonly topic: string;
  readonly partition: number;
  /** See {@link PartitionDescription}. */
  readonly log: string;
  /** The consumer's position before the batch. */
  readonly from: number;
  /** The consumer's position after the batch. */
  readonly to: number;
  /** Empty if the log uses all offsets from `from` to `to` internally. */
  readonly records: readonly ConsumedRecord[];
}

export interface Subscription {
  /** Members of a group share the partitions; each record goes to one member. */
  readonly group: string;
  readonly topics: readonly string[];
  /**
   * Where to start in partitions that this member has just been assigned: their offsets, in the given order, or
   * undefined for one to be left alone. Asked again after a batch that was rejected, when a position turns out not to be
   * in the log any more, and every few seconds for partitions that are left alone. Default: the group's offsets.
   */
  readonly startAt?: (
    partitions: readonly PartitionDescription[],
  ) => Promise<readonly (number | undefined)[]>;
  /**
   * Handles one batch. Batches of a partition follow one another without a gap: each begins where the one before ended.
   * The group's offset moves past the batch soon after the promise resolves; with `startAt`, it is only a report for
   * others, which may be lost. If the promise rejects, the records are redelivered after a pause. One batch at a time per
   * member. `signal` aborts when the partition is revoked or the consumer stops.
   */
  readonly handle: (batch: RecordBatch, signal: AbortSignal) => Promise<void>;
  /** Maximum number of records in a batch. Default 200. */
  readonly maxBatchRecords?: number;
}

export interface Consumer {
  /** The partitions that this member currently owns, as `topic/partition`, sorted. */
  assignment(): readonly string[];
  /** Finishes the current batch, commits its offset, and releases the partitions. */
  stop(): Promise<void>;
}

/** The only process that may currently publish for `source`. */
export interface PublisherSession {
  /** The cursor that the last successful `publish` of this source stored, in any process; initially undefined. */
  readonly cursor: string | undefined;
  /**
   * Appends the records in order and stores the cursor, atomically and exactly once, whatever crashes.
   * @throws FencedError if another process has opened a session for this source since.
   */
  publish(records: readonly OutgoingRecord[], cursor: string): Promise<void>;
  close(): Promise<void>;
}

/** Another process now publishes for this source; this one must stop, because its state is outdated. */
export class FencedError extends Error {
  override readonly name = 'FencedError';

  constructor(source: string) {
    super(`Another publisher has taken over "${source}"; this one must stop publishing`);
  }
}

/** Topics don't exist yet. Their relays create them, so a later try may succeed. */
export class MissingTopicsError extends Error {
  override readonly name = 'MissingTopicsError';

  constructor(topics: readonly string[]) {
    super(topics.map((topic) => `Topic "${topic}" doesn't exist yet: its relay creates it`).join('\n'));
  }
}

/** Topics exist, but not as declared, which endangers a guarantee. A retry can't help, so the process should stop. */
export class TopicsDifferError extends Error {
  override readonly name = 'TopicsDifferError';

  /** @param differences what differs and how to mend it, a sentence each. */
  constructor(differences: readonly string[]) {
    super(differences.join('\n'));
  }
}

/** Why a topic with another number of partitions than declared is of no use. */
export const partitionsDiffer = (topic: string, actual: number, declared: number): string =>
  `Topic "${topic}" has ${actual} partitions, not ${declared}: keys would move. Declare ${actual}, or create a new ` +
  'topic instead.';

export interface PartitionDescription {
  readonly topic: string;
  readonly partition: number;
  /**
   * Identifies the topic: one that is made anew under the same name, in whatever log, gets another. So a record is known
   * for ever by this, its partition and its offset, which alone may come again.
   */
  readonly log: string;
  /** The oldest retained offset. */
  readonly start: number;
  /** The offset of the next record to be appended. */
  readonly end: number;
}

export interface GroupOffset {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** The next offset to handle. */
  readonly committed: number;
}

/** A partitioned, durable log of records with consumer groups: Kafka or a substitute. */
export abstract class EventLog {
  /**
   * Creates missing topics and compares the others with their declaration; for those who publish to them.
   * @throws TopicsDifferError if one differs in a way that endangers a guarantee, such as another number of partitions.
   */
  abstract ensureTopics(topics: readonly TopicSpec[]): Promise<void>;

  /**
   * The same for those who only read: creates nothing.
   * @throws MissingTopicsError or TopicsDifferError
   */
  abstract checkTopics(topics: readonly TopicSpec[]): Promise<void>;

  /**
   * Becomes the publisher of `source` and fences the previous one.
   * @param source the publishing service (and shard); must be stable across restarts. ASCII letters, digits, ".", "_"
   * and "-" only.
   */
  abstract openPublisher(source: string): Promise<PublisherSession>;

  /**
   * Joins a consumer group; a new group starts at the oldest record.
   * @throws MissingTopicsError
   */
  abstract subscribe(subscription: Subscription): Promise<Consumer>;

  /**
   * Every partition of the topics, sorted by topic and number. A topic that doesn't exist is omitted.
   * @param topics default: all of this platform.
   */
  abstract describe(topics?: readonly string[]): Promise<readonly PartitionDescription[]>;

  /**
   * The committed offsets of the groups, sorted. A group without any is omitted.
   * @param groups default: all of this platform, which is costly on a cluster that others use too.
   */
  abstract groupOffsets(groups?: readonly string[]): Promise<readonly GroupOffset[]>;

  /** Reads records without a group: from offset `from` up to the current end. */
  abstract read(topic: string, partition: number, from?: number): AsyncIterable<ConsumedRecord>;

  /** Sets the offset of a group without running members. @throws Error if it has running members. */
  abstract seekGroup(group: string, topic: string, partition: number, offset: number): Promise<void>;

  /**
   * How long after its append a record of these topics may still be delivered, milliseconds; Infinity if records are
   * kept for ever. Deduplication must remember records for at least this long.
   */
  abstract redeliveryWindowMs(topics: readonly string[]): Promise<number>;

  abstract close(): Promise<void>;
}
