import { setTimeout } from 'node:timers/promises';
import type { TopicSpec } from '@atlas/events';
import { type Admin, ConfigResourceTypes } from 'kafkajs';

/** Settings of new topics. */
export interface TopicSettings {
  /** The replication factor. */
  readonly replicationFactor: number;
  /** How long records are kept, milliseconds; -1 is for ever. */
  readonly retentionMs: number;
  readonly compression: 'none' | 'gzip';
}

const CURSOR_TOPICS = 'atlas.cursors.';

/**
 * Stores a publisher's cursor, in the same transaction as the records it covers. Each source has a topic of its own, so
 * that no transaction of another source holds up its readers.
 */
export const cursorTopicOf = (source: string): string => `${CURSOR_TOPICS}${source}`;

const isCursorTopic = (topic: string): boolean => topic.startsWith(CURSOR_TOPICS);

/**
 * Larger than the limit for events, so that a foreign producer's oversized record arrives and is dead-lettered with a
 * reason.
 */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
const CURSORS_SEGMENT_BYTES = 10 * 1024 * 1024;
const CREATE_TIMEOUT_MS = 15_000;
const DAY_MS = 24 * 3_600_000;
/** Brokers check retention every 5 minutes (`log.retention.check.interval.ms`), and clocks differ. */
const RETENTION_MARGIN_MS = 15 * 60_000;

/** Internal topics of the brokers and of this adapter. */
export const isInternal = (topic: string): boolean => topic.startsWith('__') || isCursorTopic(topic);

/**
 * Creates missing topics, even if others do so concurrently, and waits until every partition has a leader.
 * @throws Error if one exists with another number of partitions.
 */
export async function makeTopics(
  admin: Admin,
  specs: readonly TopicSpec[],
  settings: TopicSettings,
): Promise<void> {
  const there = await partitionCounts(admin);
  const missing = specs.filter(({ name }) => !there.has(name));
  // One by one: kafkajs treats "already exists" as success only if it is the only error.
  for (const { name, partitions } of missing) {
    await admin.createTopics({
      topics: [
        {
          topic: name,
          numPartitions: partitions,
          replicationFactor: settings.replicationFactor,
          configEntries: Object.entries(configOf(name, settings)).map(([key, value]) => ({
            name: key,
            value: String(value),
          })),
        },
      ],
      waitForLeaders: false,
    });
  }
  const deadline = Date.now() + CREATE_TIMEOUT_MS;
  for (let counts = there; ;) {
    for (const { name, partitions } of specs) {
      const found = counts.get(name) ?? partitions;
      if (found !== partitions) {
        throw new Error(
          `Topic "${name}" has ${found} partitions, not ${partitions}: keys would move, so create a new topic ` +
            'instead',
        );
      }
    }
    const waiting = specs.filter(({ name }) => !counts.has(name)).map(({ name }) => name);
    if (waiting.length === 0) return;
    await setTimeout(50);
    try {
      counts = await partitionCounts(admin);
    } catch (error) {
      // While a topic is being created, requests for its metadata may fail.
      if (Date.now() > deadline) throw error;
    }
    if (Date.now() > deadline) {
      throw new Error(`The brokers did not create ${waiting.join(', ')} within ${CREATE_TIMEOUT_MS} ms`);
    }
  }
}

const configOf = (topic: string, { replicationFactor, retentionMs, compression }: TopicSettings) => ({
  'min.insync.replicas': Math.max(1, replicationFactor - 1),
  ...(isCursorTopic(topic)
    ? {
        'cleanup.policy': 'compact',
        'min.cleanable.dirty.ratio': 0.1,
        // Only closed segments are compacted, and a starting publisher reads whatever is left.
        'segment.bytes': CURSORS_SEGMENT_BYTES,
      }
    : {
        'retention.ms': retentionMs,
        // A record is kept until its whole segment is past its retention, so segments must not be too long.
        ...(retentionMs > 0 && { 'segment.ms': Math.ceil(Math.min(DAY_MS, retentionMs / 4)) }),
        'message.timestamp.type': 'LogAppendTime',
        'max.message.bytes': MAX_BATCH_BYTES,
        // Consumers must be able to read records whatever compression a foreign producer uses.
        'compression.type': compression === 'gzip' ? 'gzip' : 'uncompressed',
      }),
});

/** The topics of which every partition has a leader, with their partition counts. */
export async function partitionCounts(admin: Admin): Promise<ReadonlyMap<string, number>> {
  const { topics } = await admin.fetchTopicMetadata();
  return new Map(
    topics
      .filter(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0))
      .map(({ name, partitions }) => [name, partitions.length]),
  );
}

/**
 * How long after its append a record of these topics can still be read, milliseconds; Infinity if any topic keeps
 * records for ever. A segment takes records for at most `segment.ms`, and is deleted when its newest record is past
 * `retention.ms` (https://kafka.apache.org/documentation/#topicconfigs).
 */
export async function longestRedelivery(admin: Admin, topics: readonly string[]): Promise<number> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({
      type: ConfigResourceTypes.TOPIC,
      name,
      configNames: ['cleanup.policy', 'retention.ms', 'segment.ms'],
    })),
  });
  const windows = resources.map(({ configEntries }) => {
    const config = new Map(configEntries.map(({ configName, configValue }) => [configName, configValue]));
    const retentionMs = Number(config.get('retention.ms'));
    if (config.get('cleanup.policy') !== 'delete' || retentionMs < 0) return Infinity;
    return retentionMs + Number(config.get('segment.ms')) + RETENTION_MARGIN_MS;
  });
  return Math.max(0, ...windows);
}
