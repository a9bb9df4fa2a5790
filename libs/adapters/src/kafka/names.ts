import type { ConsumedRecord, PartitionDescription, RecordBatch, Subscription } from '@atlas/ports/adapters';

const LEGAL = /^[a-zA-Z0-9._-]+$/;
/** Kafka's limit for topics. */
const MAX_LENGTH = 249;
const CURSOR_TOPICS = 'atlas.cursors.';
const PUBLISHERS = 'atlas-';

/**
 * What topics, groups and publishers are called on the brokers: a prefix keeps platforms apart that share a cluster.
 * Everything outside this adapter uses the names without it.
 */
export class Names {
  /** @throws Error if the prefix can't be part of a topic's name. */
  constructor(private readonly prefix = '') {
    if (prefix === '') return;
    if (prefix.endsWith('.') && !prefix.startsWith('.') && !prefix.startsWith('__')) {
      legal('prefix', prefix);
      return;
    }
    throw new Error(
      `The prefix "${prefix}" is not allowed: it must end with ".", so that no other prefix begins with it by chance, ` +
        'and must not start with "." or "__"',
    );
  }

  /** @throws Error if Kafka doesn't allow the name. */
  topic(name: string): string {
    return legal('topic', `${this.prefix}${name}`);
  }

  group(name: string): string {
    return `${this.prefix}${name}`;
  }

  transactionalId(source: string): string {
    return `${this.prefix}${PUBLISHERS}${source}`;
  }

  /**
   * Stores a publisher's cursor, in the same transaction as the records it covers. Each source has a topic of its own,
   * so that no transaction of another source holds up its readers.
   * @throws Error if the source can't be part of a topic's name.
   */
  cursorTopic(source: string): string {
    return legal('source', `${this.prefix}${CURSOR_TOPICS}${source}`);
  }

  /** The name of one of our topics; undefined for those of the brokers, of the publishers' cursors, and of others. */
  topicNamed(onBrokers: string): string | undefined {
    const name = this.without(onBrokers);
    return name === undefined || name.startsWith('__') || name.startsWith(CURSOR_TOPICS) ? undefined : name;
  }

  /** The name of one of our groups; undefined for those of others. */
  groupNamed(onBrokers: string): string | undefined {
    return this.without(onBrokers);
  }

  /** `topic/partition` of one of our topics. */
  partitionNamed(onBrokers: string): string {
    return this.without(onBrokers) ?? onBrokers;
  }

  /** The subscription in the brokers' names; its functions are given ours. */
  subscription({ startAt, ...ours }: Subscription): Subscription {
    return {
      ...ours,
      ...(startAt && { startAt: (partitions) => startAt(partitions.map((each) => this.partition(each))) }),
      group: this.group(ours.group),
      topics: ours.topics.map((topic) => this.topic(topic)),
      handle: (batch, signal) => ours.handle(this.batch(batch), signal),
    };
  }

  private partition(description: PartitionDescription): PartitionDescription {
    return { ...description, topic: this.partitionNamed(description.topic) };
  }

  private batch(batch: RecordBatch): RecordBatch {
    if (this.prefix === '') return batch;
    const topic = this.partitionNamed(batch.topic);
    const records = batch.records.map((record): ConsumedRecord => ({ ...record, topic }));
    return { ...batch, topic, records };
  }

  private without(onBrokers: string): string | undefined {
    return onBrokers.startsWith(this.prefix) ? onBrokers.slice(this.prefix.length) : undefined;
  }
}

function legal(what: string, name: string): string {
  if (LEGAL.test(name) && name.length <= MAX_LENGTH) return name;
  throw new Error(
    `The ${what} in "${name}" is not allowed: Kafka's topics have at most ${MAX_LENGTH} ASCII letters, digits, ".", ` +
      '"_" and "-"',
  );
}
