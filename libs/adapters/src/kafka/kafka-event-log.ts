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
import type { Admin, SASLOptions } from 'kafkajs';
import type { ConnectionOptions } from 'node:tls';
import { KafkaClient } from './client';
import { isUnknownMember, type Report, whileBusy } from './errors';
import { GroupConsumer } from './group-consumer';
import { KafkaPublisher } from './publisher';
import { type Extent, extents, readPartition, toConsumedRecord } from './reader';
import {
  cursorTopicOf,
  isInternal,
  longestRedelivery,
  makeTopics,
  partitionCounts,
  type TopicSettings,
} from './topics';

export interface KafkaEventLogOptions {
  /** `host:port` of some brokers; the client finds the others through them. */
  readonly brokers: readonly string[];
  /** The name of this process in the brokers' logs and metrics. */
  readonly clientId: string;
  /** TLS: true to trust the system's certificate authorities, or Node's TLS options. Default: none. */
  readonly ssl?: boolean | ConnectionOptions;
  readonly sasl?: SASLOptions;
  /** The replication factor of topics that this adapter creates; a commit needs all replicas but one. Default 1. */
  readonly replicationFactor?: number;
  /** Retention of topics that this adapter creates, milliseconds. Default: for ever. */
  readonly retentionMs?: number;
  /** Default none. */
  readonly compression?: 'none' | 'gzip';
  /** After how long without a heartbeat a group member counts as dead, milliseconds. Default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** Called with each error that is being retried: a failed handler, an unavailable broker. */
  readonly onError?: Report;
}

/**
 * The event log on Kafka. Consumers survive the loss of brokers; single requests and `publish` fail after some seconds
 * and can be repeated.
 */
export class KafkaEventLog extends EventLog {
  private readonly settings: TopicSettings;
  private readonly consumers = new Set<GroupConsumer>();
  private readonly publishers = new Set<KafkaPublisher>();
  /** Topics known to exist. */
  private readonly known = new Set<string>();

  private constructor(private readonly options: KafkaEventLogOptions) {
    super();
    const { replicationFactor = 1, retentionMs = -1, compression = 'none' } = options;
    this.settings = { replicationFactor, retentionMs, compression };
  }

  /** Doesn't connect yet, so that a process starts even if Kafka is unavailable. */
  static async open(options: KafkaEventLogOptions): Promise<KafkaEventLog> {
    return new KafkaEventLog(options);
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    await this.administer((admin) => makeTopics(admin, topics, this.settings));
    for (const { name } of topics) this.known.add(name);
  }

  async openPublisher(source: string): Promise<PublisherSession> {
    await this.ensureTopics([{ name: cursorTopicOf(source), partitions: 1 }]);
    const { compression } = this.settings;
    const requireTopics = (topics: readonly string[]) => this.requireTopics(topics);
    const publisher = await whileBusy.execute(() =>
      KafkaPublisher.open(new KafkaClient(this.options), { source, compression, requireTopics }),
    );
    this.publishers.add(publisher);
    return {
      cursor: publisher.cursor,
      publish: (records, cursor) => publisher.publish(records, cursor),
      close: async () => {
        await publisher.close();
        this.publishers.delete(publisher);
      },
    };
  }

  async subscribe(subscription: Subscription): Promise<Consumer> {
    const consumer = await GroupConsumer.join(subscription, {
      connect: () => new KafkaClient(this.options),
      sessionTimeoutMs: this.options.sessionTimeoutMs ?? 10_000,
      report: this.options.onError ?? (() => undefined),
    });
    this.consumers.add(consumer);
    return {
      assignment: () => consumer.assignment(),
      stop: async () => {
        await consumer.stop();
        this.consumers.delete(consumer);
      },
    };
  }

  /** Omits internal topics and the publishers' cursors. The end is that of the records visible to readers. */
  async describe(): Promise<readonly PartitionDescription[]> {
    return this.ask(async (client) => {
      const topics = await withAdmin(client, async (admin) => [...(await partitionCounts(admin)).keys()]);
      const found = await extents(
        client.cluster(),
        topics.filter((topic) => !isInternal(topic)),
      );
      return found.sort((a, b) =>
        a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition,
      );
    });
  }

  async groupOffsets(): Promise<readonly GroupOffset[]> {
    return this.administer(async (admin) => {
      const { groups } = await admin.listGroups();
      const offsets: GroupOffset[] = [];
      for (const group of groups.map(({ groupId }) => groupId).sort()) {
        const found = await admin.fetchOffsets({ groupId: group });
        const rows = found.flatMap(({ topic, partitions }) =>
          partitions.map(({ partition, offset }) => ({ group, topic, partition, committed: Number(offset) })),
        );
        rows.sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition));
        // Negative: none committed.
        offsets.push(...rows.filter(({ committed }) => committed >= 0));
      }
      return offsets;
    });
  }

  async *read(topic: string, partition: number, from = 0): AsyncIterable<ConsumedRecord> {
    const { log, start, end } = await this.ask((client) => extentOf(client, topic, partition));
    const client = new KafkaClient(this.options);
    try {
      const range = { topic, partition, log, from: Math.max(from, start), to: end, uncommitted: false };
      for await (const record of readPartition(client.cluster(), range)) {
        if (!record.isControlRecord) yield toConsumedRecord(range, record);
      }
    } finally {
      client.destroy();
    }
  }

  async seekGroup(group: string, topic: string, partition: number, offset: number): Promise<void> {
    await this.ask(async (client) => {
      const { end } = await extentOf(client, topic, partition);
      if (!Number.isSafeInteger(offset) || offset < 0 || offset > end) {
        throw new Error(`The offset must be from 0 to ${end} in ${topic}/${partition}, not ${offset}`);
      }
      const coordinator = await client.groupCoordinator(group);
      try {
        // Without member and generation: the coordinator accepts that only if the group has no members.
        await coordinator.offsetCommit({
          groupId: group,
          groupGenerationId: -1,
          memberId: '',
          topics: [{ topic, partitions: [{ partition, offset: String(offset) }] }],
        });
      } catch (error) {
        if (!isUnknownMember(error)) throw error;
        throw new Error(`Group "${group}" has running members: stop them before moving its offset`, {
          cause: error,
        });
      }
    });
  }

  async redeliveryWindowMs(topics: readonly string[]): Promise<number> {
    return this.administer((admin) => longestRedelivery(admin, topics));
  }

  async close(): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.stop()));
    await Promise.all([...this.publishers].map((publisher) => publisher.close()));
  }

  private async requireTopics(topics: readonly string[]): Promise<void> {
    if (topics.every((topic) => this.known.has(topic))) return;
    const counts = await this.administer(partitionCounts);
    for (const topic of counts.keys()) this.known.add(topic);
    const missing = topics.find((topic) => !this.known.has(topic));
    if (missing !== undefined) {
      throw new Error(`Topic "${missing}" does not exist: create it with ensureTopics`);
    }
  }

  private administer<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    return this.ask((client) => withAdmin(client, work));
  }

  /** Each request uses its own connections, so that no failure affects another request. */
  private ask<T>(work: (client: KafkaClient) => Promise<T>): Promise<T> {
    return whileBusy.execute(async () => {
      const client = new KafkaClient(this.options);
      try {
        return await work(client);
      } finally {
        client.destroy();
      }
    });
  }
}

async function withAdmin<T>(client: KafkaClient, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = client.kafka.admin();
  await admin.connect();
  return work(admin);
}

async function extentOf(client: KafkaClient, topic: string, partition: number): Promise<Extent> {
  const counts = await withAdmin(client, partitionCounts);
  if (partition >= (counts.get(topic) ?? 0)) throw new Error(`There is no partition ${topic}/${partition}`);
  const found = await extents(client.cluster(), [topic]);
  return found.find((extent) => extent.partition === partition) as Extent;
}
