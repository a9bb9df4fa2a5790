import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { TopicSpec } from '@atlas/events';
import {
  type ConsumedRecord,
  type Consumer,
  EventLog,
  type GroupOffset,
  MissingTopicsError,
  type PartitionDescription,
  partitionsDiffer,
  type PublisherSession,
  type Subscription,
  TopicsDifferError,
} from '@atlas/ports/adapters';
import { ExponentialBackoff, type IBackoff } from 'cockatiel';
import { rejection } from '../../postgres/setup-error';
import { TopicDifferences } from '../../event-log/topic-differences';
import { isAway, LogDatabase, type Query } from './database';
import { GroupConsumer, type Report } from './group-consumer';
import { Membership, seekGroup } from './membership';
import { EmbeddedPublisher } from './publisher';
import { describePartitions, fetchRecords } from './records';
import { redeliveryWindow, Retention } from './retention';
import { migrate, SCHEMA_LOCK } from './schema';
import { LogSession } from './session';

export interface EmbeddedEventLogOptions {
  /** Called with each error that is being retried: a failed handler, an unavailable server. */
  readonly onError?: Report;
  /** After how long without a heartbeat a group member counts as dead, milliseconds. Default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** How long topics that this process ensures keep records, milliseconds. Default: for ever. */
  readonly retentionMs?: number;
}

/** One more connection listens for notifications once there is a subscription. */
const POOL_SIZE = 2;
const HEARTBEAT_MS = 1_000;
const READ_RECORDS = 500;

/**
 * An event log in its own PostgreSQL database, for running Atlas without Kafka. Each process opens it once. Consumers
 * survive lost connections and restarts of the server; single requests and `publish` fail. Processes that publish also
 * delete records that are older than their topic's retention.
 */
export class EmbeddedEventLog extends EventLog {
  private readonly differences = new TopicDifferences();
  private readonly topicPartitions = new Map<string, readonly number[]>();
  private readonly consumers = new Set<GroupConsumer>();
  private readonly retention: Retention;
  private session: LogSession | undefined;
  private closed: Promise<void> | undefined;

  private constructor(
    private readonly url: string,
    private readonly database: LogDatabase,
    private readonly report: Report,
    private readonly sessionTimeoutMs: number,
    private readonly retentionMs: number | undefined,
  ) {
    super();
    this.retention = new Retention(database, (error) => report(error, 'deleting old records'));
  }

  /**
   * Opens the log and creates missing tables; retries with backoff while the server is unavailable.
   * @param url `postgres://user:password@host:port/database`
   * @throws Error if the server refuses the connection, or a newer version of Atlas has migrated the tables.
   */
  static async open(url: string, options: EmbeddedEventLogOptions = {}): Promise<EmbeddedEventLog> {
    const report = options.onError ?? (() => undefined);
    const database = new LogDatabase(url, POOL_SIZE, (error) =>
      report(error, 'keeping a connection to the event log'),
    );
    let pause: IBackoff<unknown> = new ExponentialBackoff({ initialDelay: 100, maxDelay: 5_000 }).next();
    for (;;) {
      try {
        await migrate(database);
        return new EmbeddedEventLog(
          url,
          database,
          report,
          options.sessionTimeoutMs ?? 10_000,
          options.retentionMs,
        );
      } catch (error) {
        if (!isAway(error)) {
          await database.close();
          throw rejection(error as Error, url, 'event log', 'EVENT_LOG_URL') ?? error;
        }
        report(error, 'opening the event log');
        await setTimeout(pause.duration);
        pause = pause.next(undefined);
      }
    }
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    await this.database.transaction(async (query) => {
      await query('SELECT pg_advisory_xact_lock($1, 1)', [SCHEMA_LOCK]);
      const counts = await countPartitions(
        query,
        topics.map(({ name }) => name),
      );
      for (const { name, partitions } of topics) {
        if (counts.has(name)) {
          requireCount(name, counts.get(name), partitions);
          await query(
            'UPDATE topic_partition SET retention_ms = $2 WHERE topic = $1 AND retention_ms IS DISTINCT FROM $2',
            [name, this.retentionMs],
          );
          continue;
        }
        await query(
          `INSERT INTO topic_partition (topic, partition, log, retention_ms)
           SELECT $1, generate_series(0, $2::integer - 1), $3, $4`,
          [name, partitions, randomUUID(), this.retentionMs],
        );
      }
    });
    this.asDeclared(topics);
  }

  async checkTopics(topics: readonly TopicSpec[]): Promise<void> {
    const counts = await this.partitionCounts(topics.map(({ name }) => name));
    for (const { name, partitions } of topics) requireCount(name, counts.get(name), partitions);
    this.asDeclared(topics);
  }

  openPublisher(source: string): Promise<PublisherSession> {
    // A topic may have been deleted and made anew; a publisher that fails because of that is opened again.
    this.topicPartitions.clear();
    this.retention.start();
    return EmbeddedPublisher.open(this.database, (topic) => this.partitionIds(topic), source);
  }

  async subscribe(subscription: Subscription): Promise<Consumer> {
    const { group, topics } = subscription;
    await this.partitionCounts(topics);
    const membership = await Membership.create(this.database, group, topics, this.sessionTimeoutMs);
    const session = (this.session ??= this.openSession());
    await session.hold(membership.id);
    const consumer = new GroupConsumer(
      this.database,
      membership,
      subscription,
      () => session.isConnected,
      HEARTBEAT_MS,
      this.report,
    );
    this.consumers.add(consumer);
    await consumer.rebalance();
    return {
      assignment: () => consumer.assignment(),
      stop: () => this.stop(consumer),
    };
  }

  async describe(topics?: readonly string[]): Promise<readonly PartitionDescription[]> {
    return [...(await describePartitions(this.database, { topics })).values()];
  }

  async groupOffsets(groups?: readonly string[]): Promise<readonly GroupOffset[]> {
    return this.database.query<GroupOffset>(
      `SELECT group_name AS "group", topic, partition, committed
       FROM group_partition JOIN topic_partition ON id = partition_id
       WHERE $1::text[] IS NULL OR group_name = ANY ($1)
       ORDER BY group_name COLLATE "C", topic COLLATE "C", partition`,
      [groups],
    );
  }

  async *read(topic: string, partition: number, from = 0): AsyncIterable<ConsumedRecord> {
    const [found] = await this.database.query<{ id: number; log: string; end: number }>(
      'SELECT id, log, end_offset AS "end" FROM topic_partition WHERE topic = $1 AND partition = $2',
      [topic, partition],
    );
    if (!found) throw new Error(`There is no partition ${topic}/${partition}`);
    for (let position = from; position < found.end;) {
      const wanted = { partitionId: found.id, topic, partition, log: found.log, position };
      const page = (await fetchRecords(this.database, [wanted], READ_RECORDS)).get(found.id);
      if (!page || page.records.length === 0) return;
      for (const record of page.records) {
        if (record.offset >= found.end) return;
        yield record;
        position = record.offset + 1;
      }
    }
  }

  seekGroup(group: string, topic: string, partition: number, offset: number): Promise<void> {
    return seekGroup(this.database, group, topic, partition, offset, this.sessionTimeoutMs);
  }

  redeliveryWindowMs(topics: readonly string[]): Promise<number> {
    return redeliveryWindow(this.database, topics);
  }

  close(): Promise<void> {
    this.closed ??= this.end();
    return this.closed;
  }

  private async end(): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => this.stop(consumer)));
    await this.session?.close();
    await this.retention.stop();
    await this.database.close();
  }

  private async stop(consumer: GroupConsumer): Promise<void> {
    await consumer.stop();
    if (this.consumers.delete(consumer)) await this.session?.drop(consumer.memberId);
  }

  /** Here, a topic has no settings that could differ. */
  private asDeclared(topics: readonly TopicSpec[]): void {
    for (const { name } of topics) this.differences.set(name, 0);
  }

  /** By topic. @throws MissingTopicsError */
  private async partitionCounts(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const counts = await countPartitions(this.database.query.bind(this.database), topics);
    const missing = topics.filter((topic) => !counts.has(topic));
    if (missing.length > 0) throw new MissingTopicsError(missing);
    return counts;
  }

  private openSession(): LogSession {
    return new LogSession(
      this.url,
      {
        onRecords: (partitionId) => this.consumers.forEach((consumer) => consumer.recordsIn(partitionId)),
        onGroupChange: (group) =>
          this.consumers.forEach((consumer) => {
            if (consumer.group === group) void consumer.rebalance();
          }),
        onConnected: () => this.consumers.forEach((consumer) => consumer.refresh()),
      },
      (error) => this.report(error, 'listening to the event log'),
    );
  }

  /** Cached: partitions change only if the topic is made anew. */
  private async partitionIds(topic: string): Promise<readonly number[]> {
    const known = this.topicPartitions.get(topic);
    if (known) return known;
    const rows = await this.database.query<{ id: number }>(
      'SELECT id FROM topic_partition WHERE topic = $1 ORDER BY partition',
      [topic],
    );
    if (rows.length === 0) throw new Error(`Topic "${topic}" does not exist: create it with ensureTopics`);
    const ids = rows.map(({ id }) => id);
    this.topicPartitions.set(topic, ids);
    return ids;
  }
}

/** The number of partitions of each topic that exists. */
async function countPartitions(
  query: Query,
  topics: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await query<{ topic: string; partitions: number }>(
    'SELECT topic, count(*) AS partitions FROM topic_partition WHERE topic = ANY ($1::text[]) GROUP BY topic',
    [topics],
  );
  return new Map(rows.map(({ topic, partitions }) => [topic, partitions]));
}

/** @throws TopicsDifferError */
function requireCount(topic: string, actual: number | undefined, declared: number): void {
  if (actual === declared) return;
  throw new TopicsDifferError([partitionsDiffer(topic, actual ?? 0, declared)]);
}
