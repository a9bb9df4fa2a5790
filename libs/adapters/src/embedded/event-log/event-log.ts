import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { TopicSpec } from '@atlas/events';
import {
  type ConsumedRecord,
  type Consumer,
  EventLog,
  type GroupOffset,
  type PartitionDescription,
  type PublisherSession,
  type Subscription,
} from '@atlas/ports/adapters';
import { ExponentialBackoff, type IBackoff } from 'cockatiel';
import { rejection } from '../../postgres/setup-error';
import { isAway, LogDatabase } from './database';
import { GroupConsumer, type Report } from './group-consumer';
import { Membership, seekGroup } from './membership';
import { EmbeddedPublisher } from './publisher';
import { fetchRecords } from './records';
import { migrate, SCHEMA_LOCK } from './schema';
import { LogSession } from './session';

export interface EmbeddedEventLogOptions {
  /** Called with each error that is being retried: a failed handler, an unavailable server. */
  readonly onError?: Report;
  /** After how long without a heartbeat a group member counts as dead, milliseconds. Default 10,000. */
  readonly sessionTimeoutMs?: number;
}

/** One more connection listens for notifications once there is a subscription. */
const POOL_SIZE = 2;
const HEARTBEAT_MS = 1_000;
const READ_RECORDS = 500;

/**
 * An event log in its own PostgreSQL database, for running Atlas without Kafka. Each process opens it once. Consumers
 * survive lost connections and restarts of the server; single requests and `publish` fail. Records are kept for ever.
 */
export class EmbeddedEventLog extends EventLog {
  private readonly topicPartitions = new Map<string, readonly number[]>();
  private readonly consumers = new Set<GroupConsumer>();
  private session: LogSession | undefined;
  private closed: Promise<void> | undefined;

  private constructor(
    private readonly url: string,
    private readonly database: LogDatabase,
    private readonly report: Report,
    private readonly sessionTimeoutMs: number,
  ) {
    super();
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
        return new EmbeddedEventLog(url, database, report, options.sessionTimeoutMs ?? 10_000);
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
      for (const { name, partitions } of topics) {
        const [found] = await query<{ partitions: number }>(
          'SELECT count(*) AS partitions FROM topic_partition WHERE topic = $1',
          [name],
        );
        if (found && found.partitions > 0) {
          if (found.partitions === partitions) continue;
          throw new Error(
            `Topic "${name}" has ${found.partitions} partitions, not ${partitions}: keys would move, ` +
              'so create a new topic instead',
          );
        }
        await query(
          `INSERT INTO topic_partition (topic, partition, log)
           SELECT $1, generate_series(0, $2::integer - 1), $3`,
          [name, partitions, randomUUID()],
        );
      }
    });
  }

  openPublisher(source: string): Promise<PublisherSession> {
    return EmbeddedPublisher.open(this.database, (topic) => this.partitionIds(topic), source);
  }

  async subscribe(subscription: Subscription): Promise<Consumer> {
    const { group, topics } = subscription;
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

  async describe(): Promise<readonly PartitionDescription[]> {
    return this.database.query<PartitionDescription>(
      `SELECT topic, partition, log, end_offset AS "end",
              coalesce((SELECT min("offset") FROM log_record WHERE partition_id = id), end_offset) AS start
       FROM topic_partition ORDER BY topic COLLATE "C", partition`,
    );
  }

  async groupOffsets(): Promise<readonly GroupOffset[]> {
    return this.database.query<GroupOffset>(
      `SELECT group_name AS "group", topic, partition, committed
       FROM group_partition JOIN topic_partition ON id = partition_id
       ORDER BY group_name COLLATE "C", topic COLLATE "C", partition`,
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

  /** A running consumer keeps its subscription. */
  async redeliveryWindowMs(): Promise<number> {
    return Infinity;
  }

  close(): Promise<void> {
    this.closed ??= this.end();
    return this.closed;
  }

  private async end(): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => this.stop(consumer)));
    await this.session?.close();
    await this.database.close();
  }

  private async stop(consumer: GroupConsumer): Promise<void> {
    await consumer.stop();
    if (this.consumers.delete(consumer)) await this.session?.drop(consumer.memberId);
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

  /** Partitions never change, so they are cached. */
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
