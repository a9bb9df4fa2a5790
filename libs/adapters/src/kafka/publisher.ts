import { setTimeout as pause } from 'node:timers/promises';
import { FencedError, type OutgoingRecord, partitionOf } from '@atlas/ports/adapters';
import {
  CompressionTypes,
  type ICustomPartitioner,
  type Message,
  type Producer,
  type RecordMetadata,
  type TopicMessages,
} from 'kafkajs';
import type { KafkaClient } from './client';
import { isFenced } from './errors';
import type { Names } from './names';
import { encodeProduceFast } from './produce-request';
import { type Extent, extents, readPartition } from './reader';

/** Throws if a topic does not exist. */
export type RequireTopics = (topics: readonly string[]) => Promise<void>;

export interface PublisherOptions {
  readonly source: string;
  readonly names: Names;
  readonly compression: 'none' | 'gzip';
  readonly requireTopics: RequireTopics;
}

const transactionalIds = new Set<string>();
encodeProduceFast(transactionalIds);

/** Below the brokers' default limit for one partition's part of a request, with room for its framing. */
const REQUEST_BYTES = 900_000;
const RECORD_OVERHEAD_BYTES = 70;
/** How long a newer publisher, which has already fenced this one, may take to end its transaction. */
const RIVAL_MS = 5_000;
/** When the broker aborts an open transaction: until then, a dead publisher blocks readers. */
const TRANSACTION_TIMEOUT_MS = 15_000;
const CLOSE_TIMEOUT_MS = 2_000;
/**
 * Five seconds in all: the broker answers a new producer with CONCURRENT_TRANSACTIONS until the transaction of the former
 * one has ended, which takes milliseconds. (kafkajs's default starts with 300.)
 */
const RETRY = { initialRetryTime: 5, multiplier: 1.2, maxRetryTime: 20, retries: 250 };

/**
 * Publishes in Kafka transactions that include the cursor, as Kafka Connect's source tasks do (KIP-618). A failed
 * publisher can't be used again, since kafkajs can't tell whether its last transaction was committed. Opening a new one
 * aborts or completes that transaction and reads the cursor, which shows the outcome.
 */
export class KafkaPublisher {
  private queue: Promise<void> = Promise.resolve();
  private failure: Error | undefined;

  private constructor(
    private readonly client: KafkaClient,
    private readonly producer: Producer,
    private readonly options: PublisherOptions,
    private readonly request: NotedRequest,
    readonly cursor: string | undefined,
  ) {}

  /** @param client used by this publisher alone, which destroys it at its end. */
  static async open(client: KafkaClient, options: PublisherOptions): Promise<KafkaPublisher> {
    const request = new NotedRequest();
    const { source, names } = options;
    const transactionalId = names.transactionalId(source);
    transactionalIds.add(transactionalId);
    const producer = client.kafka.producer({
      transactionalId,
      transactionTimeout: TRANSACTION_TIMEOUT_MS,
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: request.partitioner,
      retry: RETRY,
    });
    try {
      await producer.connect();
      // The first transaction fences the former producer and ends its transaction. This one has nothing in it, so
      // ending it asks the broker for nothing.
      await (await producer.transaction()).abort();
      const cursor = await readCursor(client, names.cursorTopic(source));
      return new KafkaPublisher(client, producer, options, request, cursor);
    } catch (error) {
      client.destroy();
      throw error;
    }
  }

  /**
   * Overlapping calls run one after the other. After a failure nobody knows whether records that were sent are
   * committed: this and every later call throw, and the cursor of the next publisher shows the outcome.
   */
  publish(records: readonly OutgoingRecord[], cursor: string): Promise<void> {
    const publishing = this.queue.then(() => this.append(records, cursor));
    this.queue = publishing.catch(() => undefined);
    return publishing;
  }

  async close(): Promise<void> {
    await this.queue;
    if (!this.failure) {
      this.failure = new Error(`The publisher of "${this.options.source}" is closed`);
      const disconnected = this.producer.disconnect().catch(() => undefined);
      await Promise.race([disconnected, pause(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    }
    this.client.destroy();
  }

  private async append(records: readonly OutgoingRecord[], cursor: string): Promise<void> {
    if (this.failure) throw this.failure;
    const { source, names, compression, requireTopics } = this.options;
    await requireTopics([...new Set(records.map(({ topic }) => topic))]);
    let committing = false;
    try {
      const transaction = await this.producer.transaction();
      for (const topicMessages of requests(records, names, source, cursor)) {
        this.request.begin();
        const taken = await transaction.sendBatch({
          topicMessages,
          compression: compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None,
        });
        this.request.requireOneTry();
        requireOnce(taken, this.request.addressed);
      }
      committing = true;
      await transaction.commit();
    } catch (error) {
      // A producer must not continue in its epoch: kafkajs would reuse the sequence numbers of this transaction's
      // records, so the broker might drop the next ones as duplicates.
      this.client.destroy();
      if (isFenced(error, committing)) throw (this.failure = new FencedError(source));
      this.failure = new Error(
        `It is unknown whether the last records of "${source}" were published: reopen the publisher`,
        { cause: error },
      );
      throw error;
    }
  }
}

/** What kafkajs does with a request: it asks for the partition of each record anew, each time it sends them. */
export class NotedRequest {
  /** The `topic/partition`s. */
  readonly addressed = new Set<string>();
  private readonly leaders = new Set<number>();
  private first: Message | undefined;
  private tries = 0;

  /** To be called before each request. */
  begin(): void {
    this.addressed.clear();
    this.leaders.clear();
    this.first = undefined;
    this.tries = 0;
  }

  /** Kafka's own partitioning. (kafkajs's computes the same with BigInts, thirty times slower.) */
  readonly partitioner: ICustomPartitioner =
    () =>
    ({ topic, partitionMetadata, message }) => {
      const partition = partitionOf(String(message.key), partitionMetadata.length);
      this.first ??= message;
      if (message === this.first) this.tries += 1;
      const found = partitionMetadata.find(({ partitionId }) => partitionId === partition);
      if (found) this.leaders.add(found.leader);
      this.addressed.add(`${topic}/${partition}`);
      return partition;
    };

  /**
   * When one broker fails, kafkajs doesn't wait for the others. It sends again to all that have not answered, which may write
   * the records twice, under new sequence numbers, and keeps only the second answer.
   * @throws Error if it may have; the transaction must then not be committed.
   */
  requireOneTry(): void {
    if (this.tries > 1 && this.leaders.size > 1) {
      throw new Error('Records for several brokers were sent more than once, so some may be written twice');
    }
  }
}

/**
 * If one broker accepts its part of a request and another fails, kafkajs resends only to those that have not answered.
 * A partition whose leader has changed meanwhile is left out, or sent again under new sequence numbers.
 * @throws Error if a partition was not written exactly once; the transaction must then not be committed.
 */
export function requireOnce(taken: readonly RecordMetadata[], addressed: ReadonlySet<string>): void {
  const partitions = taken.map(({ topicName, partition }) => `${topicName}/${partition}`);
  const once = new Set(partitions);
  if (
    once.size === partitions.length &&
    once.size === addressed.size &&
    partitions.every((each) => addressed.has(each))
  ) {
    return;
  }
  throw new Error(
    `Records were sent to ${[...addressed].sort().join(', ')}, but accepted by ${partitions.sort().join(', ') || 'none'}`,
  );
}

/** Splits the records, in order, into requests of at most the size limit; the cursor goes with the last. */
function requests(
  records: readonly OutgoingRecord[],
  names: Names,
  source: string,
  cursor: string,
): TopicMessages[][] {
  const parts: TopicMessages[][] = [];
  let messages = new Map<string, Message[]>();
  const cut = () => {
    parts.push([...messages].map(([topic, some]) => ({ topic: names.topic(topic), messages: some })));
    messages = new Map();
  };
  let bytes = 0;
  for (const { topic, key, headers, value } of records) {
    const size = sizeOf(key, headers, value);
    if (bytes > 0 && bytes + size > REQUEST_BYTES) {
      cut();
      bytes = 0;
    }
    bytes += size;
    const message: Message = { key, headers, value };
    const others = messages.get(topic);
    if (others) others.push(message);
    else messages.set(topic, [message]);
  }
  cut();
  parts.at(-1)?.push({ topic: names.cursorTopic(source), messages: [{ key: source, value: cursor }] });
  return parts;
}

/** The approximate size of the record, bytes. */
function sizeOf(key: string, headers: Readonly<Record<string, string>>, value: Buffer): number {
  let size = RECORD_OVERHEAD_BYTES + value.length + Buffer.byteLength(key);
  for (const name in headers)
    size += Buffer.byteLength(name) + Buffer.byteLength(headers[name] as string) + 4;
  return size;
}

/** The extent of the cursor topic, once no transaction is open in it. */
async function decidedExtent(client: KafkaClient, cursorTopic: string): Promise<Extent> {
  for (const deadline = performance.now() + RIVAL_MS; ; await pause(20)) {
    const [visible] = await extents(client.cluster(), [cursorTopic]);
    const [written] = await extents(client.cluster(true), [cursorTopic]);
    if (visible && visible.end === written?.end) return visible;
    if (performance.now() > deadline) {
      throw new Error(
        `Topic "${cursorTopic}" has an open transaction, so its last cursor can't be read: only this publisher may ` +
          'write to it',
      );
    }
  }
}

/**
 * The last committed cursor. This source alone writes to the topic, its former publishers are fenced and their
 * transactions have ended; so every record is decided, and a read-committed read sees the last cursor.
 * @throws Error if a transaction is open nevertheless: it would hide the cursors behind it, and an older one would
 * publish everything since again.
 */
async function readCursor(client: KafkaClient, cursorTopic: string): Promise<string | undefined> {
  const cluster = client.cluster();
  const visible = await decidedExtent(client, cursorTopic);
  const range = { ...visible, from: visible.start, to: visible.end, uncommitted: false };
  let cursor: string | undefined;
  for await (const record of readPartition(cluster, range)) {
    if (!record.isControlRecord) cursor = record.value?.toString();
  }
  return cursor;
}
