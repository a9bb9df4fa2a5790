import type { TopicSpec } from '@atlas/events';
import {
  type ConsumedRecord,
  type Consumer,
  EventLog,
  type GroupOffset,
  MissingTopicsError,
  type PartitionDescription,
  type PublisherSession,
  type Subscription,
  TopicsDifferError,
} from '@atlas/ports/adapters';
import type { Admin, SASLOptions } from 'kafkajs';
import type { ConnectionOptions } from 'node:tls';
import { TopicDifferences } from '../event-log/topic-differences';
import { KafkaClient } from './client';
import { isUnknownMember, type Report, whileBusy } from './errors';
import { GroupConsumer } from './group-consumer';
import { findTopics } from './find-topics';
import { Names } from './names';
import {
  explained,
  type Permission,
  toConsume,
  toDescribe,
  toJoin,
  toPublish,
  toRead,
  toWatch,
  toWrite,
} from './permissions';
import { KafkaPublisher } from './publisher';
import { type Extent, extents, readPartition, toConsumedRecord } from './reader';
import {
  type DeclaredTopic,
  type Difference,
  differencesForReaders,
  longestRedelivery,
  makeTopics,
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
  /**
   * Begins the names of this platform's topics, groups and publishers on the brokers, so that several platforms can
   * share them; ends with a dot. Default: none.
   */
  readonly prefix?: string;
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
  private readonly names: Names;
  private readonly differences = new TopicDifferences();
  private readonly report: Report;
  private readonly consumers = new Set<GroupConsumer>();
  private readonly publishers = new Set<KafkaPublisher>();
  /** Topics known to exist. */
  private readonly known = new Set<string>();

  private constructor(private readonly options: KafkaEventLogOptions) {
    super();
    const { replicationFactor = 1, retentionMs = -1, compression = 'none' } = options;
    this.settings = { replicationFactor, retentionMs, compression };
    this.names = new Names(options.prefix);
    this.report = options.onError ?? (() => undefined);
  }

  /** Doesn't connect yet, so that a process starts even if Kafka is unavailable. */
  static async open(options: KafkaEventLogOptions): Promise<KafkaEventLog> {
    return new KafkaEventLog(options);
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    const allowed = [toWrite(this.names, topics.map(nameOf))];
    await this.with(allowed, () => this.make(this.declared(topics)));
    for (const { name } of topics) this.known.add(name);
  }

  async checkTopics(topics: readonly TopicSpec[]): Promise<void> {
    const declared = this.declared(topics);
    const work = async (client: KafkaClient) => {
      const found = await findTopics(client.cluster(), declared.map(nameOf));
      const missing = topics.filter(
        ({ name }) => !found.some((each) => each.name === this.names.topic(name)),
      );
      if (missing.length > 0) throw new MissingTopicsError(missing.map(nameOf));
      return differencesForReaders(client, found, declared, this.settings);
    };
    const allowed = [toConsume(this.names, topics.map(nameOf))];
    this.judge(declared, await this.with(allowed, () => this.ask(work)));
  }

  async openPublisher(source: string): Promise<PublisherSession> {
    const { names } = this;
    const { compression } = this.settings;
    const requireTopics = (topics: readonly string[]) => this.requireTopics(topics);
    const publisher = await this.with(toPublish(names, source), async () => {
      await this.make([{ name: names.cursorTopic(source), partitions: 1, stores: 'cursor' }]);
      return whileBusy.execute(() =>
        KafkaPublisher.open(new KafkaClient(this.options), { source, names, compression, requireTopics }),
      );
    });
    this.publishers.add(publisher);
    return {
      cursor: publisher.cursor,
      publish: (records, cursor) => {
        const topics = [...new Set(records.map(({ topic }) => topic))];
        const allowed = [toWrite(names, topics), ...toPublish(names, source)];
        return this.with(allowed, () => publisher.publish(records, cursor));
      },
      close: async () => {
        await publisher.close();
        this.publishers.delete(publisher);
      },
    };
  }

  async subscribe(subscription: Subscription): Promise<Consumer> {
    const { group, topics } = subscription;
    const allowed = [toConsume(this.names, topics), toJoin(this.names, group)];
    const consumer = await this.with(allowed, async () => {
      await this.requireTopics(topics);
      return GroupConsumer.join(this.names.subscription(subscription), {
        connect: () => new KafkaClient(this.options),
        sessionTimeoutMs: this.options.sessionTimeoutMs ?? 10_000,
        report: (error, during) => this.report(explained(error, allowed, this.options.sasl), during),
      });
    });
    this.consumers.add(consumer);
    return {
      assignment: () => consumer.assignment().map((partition) => this.names.partitionNamed(partition)),
      stop: async () => {
        await consumer.stop();
        this.consumers.delete(consumer);
      },
    };
  }

  /**
   * Omits a topic while one of its partitions has no leader, and the topics of the brokers and of the publishers'
   * cursors. The end is that of the records visible to readers.
   */
  async describe(topics?: readonly string[]): Promise<readonly PartitionDescription[]> {
    const work = async (client: KafkaClient) => {
      const cluster = client.cluster();
      const found = await findTopics(
        cluster,
        topics?.map((topic) => this.names.topic(topic)),
      );
      const ours = new Map(
        found.flatMap(({ name: onBrokers, isLed }) => {
          const name = this.names.topicNamed(onBrokers);
          return name !== undefined && isLed ? [[onBrokers, name] as const] : [];
        }),
      );
      const partitions = await extents(cluster, [...ours.keys()]);
      return partitions
        .map((partition) => ({ ...partition, topic: ours.get(partition.topic) as string }))
        .sort(byTopicAndPartition);
    };
    return this.with([toDescribe(this.names, topics ?? [])], () => this.ask(work));
  }

  async groupOffsets(groups?: readonly string[]): Promise<readonly GroupOffset[]> {
    const work = async (admin: Admin) => {
      const offsets: GroupOffset[] = [];
      for (const group of [...(groups ?? (await this.groups(admin)))].sort()) {
        const found = await admin.fetchOffsets({ groupId: this.names.group(group) });
        const rows = found.flatMap(({ topic: onBrokers, partitions }) => {
          const topic = this.names.topicNamed(onBrokers);
          if (topic === undefined) return [];
          return partitions.map(({ partition, offset }) => ({
            group,
            topic,
            partition,
            committed: Number(offset),
          }));
        });
        // Negative: none committed.
        offsets.push(...rows.filter(({ committed }) => committed >= 0).sort(byTopicAndPartition));
      }
      return offsets;
    };
    return this.with([toWatch(this.names, groups ?? [])], () => this.administer(work));
  }

  private async groups(admin: Admin): Promise<readonly string[]> {
    const { groups } = await admin.listGroups();
    return groups.flatMap(({ groupId }) => this.names.groupNamed(groupId) ?? []);
  }

  async *read(topic: string, partition: number, from = 0): AsyncIterable<ConsumedRecord> {
    const allowed = [toRead(this.names, [topic])];
    const extent = await this.with(allowed, () =>
      this.ask((asking) => this.extentOf(asking, topic, partition)),
    );
    const client = new KafkaClient(this.options);
    try {
      const range = { ...extent, from: Math.max(from, extent.start), to: extent.end, uncommitted: false };
      for await (const record of readPartition(client.cluster(), range)) {
        if (!record.isControlRecord) yield toConsumedRecord({ ...extent, topic }, record);
      }
    } catch (error) {
      throw explained(error, allowed, this.options.sasl);
    } finally {
      client.destroy();
    }
  }

  async seekGroup(group: string, topic: string, partition: number, offset: number): Promise<void> {
    const work = async (client: KafkaClient) => {
      const { end } = await this.extentOf(client, topic, partition);
      if (!Number.isSafeInteger(offset) || offset < 0 || offset > end) {
        throw new Error(`The offset must be from 0 to ${end} in ${topic}/${partition}, not ${offset}`);
      }
      const coordinator = await client.groupCoordinator(this.names.group(group));
      try {
        // Without member and generation: the coordinator accepts that only if the group has no members.
        await coordinator.offsetCommit({
          groupId: this.names.group(group),
          groupGenerationId: -1,
          memberId: '',
          topics: [{ topic: this.names.topic(topic), partitions: [{ partition, offset: String(offset) }] }],
        });
      } catch (error) {
        if (!isUnknownMember(error)) throw error;
        throw new Error(`Group "${group}" has running members: stop them before moving its offset`, {
          cause: error,
        });
      }
    };
    const allowed = [toRead(this.names, [topic]), toJoin(this.names, group)];
    await this.with(allowed, () => this.ask(work));
  }

  async redeliveryWindowMs(topics: readonly string[]): Promise<number> {
    const onBrokers = topics.map((topic) => this.names.topic(topic));
    return this.with([toConsume(this.names, topics)], () =>
      this.administer((admin) => longestRedelivery(admin, onBrokers)),
    );
  }

  async close(): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.stop()));
    await Promise.all([...this.publishers].map((publisher) => publisher.close()));
  }

  /** Creates those that are missing. @throws TopicsDifferError */
  private async make(topics: readonly DeclaredTopic[]): Promise<void> {
    this.judge(topics, await this.ask((client) => makeTopics(client, topics, this.settings)));
  }

  /** Reports harmless differences. @throws TopicsDifferError if there are others. */
  private judge(topics: readonly DeclaredTopic[], differing: readonly Difference[]): void {
    const dangers = differing.filter(({ isHarmless }) => !isHarmless);
    if (dangers.length > 0) throw new TopicsDifferError(dangers.map(({ sentence }) => sentence));
    for (const { name } of topics) {
      const own = differing.filter(({ topic }) => topic === name);
      this.differences.set(this.names.partitionNamed(name), own.length);
      for (const { sentence } of own) this.report(new Error(sentence), 'checking the topics');
    }
  }

  private declared(topics: readonly TopicSpec[]): readonly DeclaredTopic[] {
    return topics.map(({ name, partitions }) => ({
      name: this.names.topic(name),
      partitions,
      stores: 'events',
    }));
  }

  /** @throws MissingTopicsError */
  private async requireTopics(topics: readonly string[]): Promise<void> {
    const unknown = topics.filter((topic) => !this.known.has(topic));
    if (unknown.length === 0) return;
    const onBrokers = unknown.map((topic) => this.names.topic(topic));
    const found = await this.ask((client) => findTopics(client.cluster(), onBrokers));
    for (const { name } of found) this.known.add(this.names.partitionNamed(name));
    const missing = unknown.filter((topic) => !this.known.has(topic));
    if (missing.length > 0) throw new MissingTopicsError(missing);
  }

  /** Explains what is missing if the brokers deny one of the permissions that the work needs. */
  private async with<T>(permissions: readonly Permission[], work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw explained(error, permissions, this.options.sasl);
    }
  }

  private administer<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    return this.ask((client) => withAdmin(client, work));
  }

  private async extentOf(client: KafkaClient, topic: string, partition: number): Promise<Extent> {
    const cluster = client.cluster();
    const onBrokers = this.names.topic(topic);
    const [found] = await findTopics(cluster, [onBrokers]);
    if (partition >= (found?.partitions ?? 0)) throw new Error(`There is no partition ${topic}/${partition}`);
    const extent = (await extents(cluster, [onBrokers])).find((each) => each.partition === partition);
    return extent as Extent;
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

const nameOf = ({ name }: { readonly name: string }): string => name;

type TopicPartition = Pick<PartitionDescription, 'topic' | 'partition'>;

async function withAdmin<T>(client: KafkaClient, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = client.kafka.admin();
  await admin.connect();
  return work(admin);
}

const byTopicAndPartition = (a: TopicPartition, b: TopicPartition): number =>
  a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition;
