import { setTimeout } from 'node:timers/promises';
import type { TopicSpec } from '@atlas/events';
import { type Admin, ConfigResourceTypes } from 'kafkajs';

/** How topics are made. */
export interface TopicSettings {
  /** How many brokers keep each record. */
  readonly replicationFactor: number;
  /** How long records are kept, milliseconds; -1 is for ever. */
  readonly retentionMs: number;
  readonly compression: 'none' | 'gzip';
}

/** Where publishers keep how far they have come: one record per source, in the transaction of what it stands for. */
export const CURSORS_TOPIC = 'atlas.cursors';

/** More than an event may have, so that a foreign producer's larger record comes through and is set aside with a reason. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
const CURSORS_SEGMENT_BYTES = 10 * 1024 * 1024;
const CREATE_TIMEOUT_MS = 15_000;
const DAY_MS = 24 * 3_600_000;
/** Brokers look for what is past its retention every 5 minutes (`log.retention.check.interval.ms`), and clocks differ. */
const RETENTION_MARGIN_MS = 15 * 60_000;

/** Topics of the brokers themselves and of this adapter. */
export const isInternal = (topic: string): boolean => topic.startsWith('__') || topic === CURSORS_TOPIC;

/**
 * Makes the topics that are missing, whoever else does so at the time, and waits until every partition has a leader.
 * @throws Error if one is there with other partitions.
 */
export async function makeTopics(
  admin: Admin,
  specs: readonly TopicSpec[],
  settings: TopicSettings,
): Promise<void> {
  const there = await partitionCounts(admin);
  const missing = specs.filter(({ name }) => !there.has(name));
  // One by one: kafkajs takes "is there already" for success only if it is the whole answer.
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
          `Topic "${name}" has ${found} partitions, not ${partitions}: keys would change theirs, so make a new topic ` +
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
      // While a topic is being made, asking about it may fail.
      if (Date.now() > deadline) throw error;
    }
    if (Date.now() > deadline) {
      throw new Error(`The brokers have not made ${waiting.join(', ')} within ${CREATE_TIMEOUT_MS} ms`);
    }
  }
}

const configOf = (topic: string, { replicationFactor, retentionMs, compression }: TopicSettings) => ({
  'min.insync.replicas': Math.max(1, replicationFactor - 1),
  ...(topic === CURSORS_TOPIC
    ? {
        'cleanup.policy': 'compact',
        'min.cleanable.dirty.ratio': 0.1,
        // Only what is behind the newest segment is compacted, and a publisher that starts reads what is left.
        'segment.bytes': CURSORS_SEGMENT_BYTES,
      }
    : {
        'retention.ms': retentionMs,
        // A record stays until all of its segment is past its retention, so segments must not be too long.
        ...(retentionMs > 0 && { 'segment.ms': Math.ceil(Math.min(DAY_MS, retentionMs / 4)) }),
        'message.timestamp.type': 'LogAppendTime',
        'max.message.bytes': MAX_BATCH_BYTES,
        // Whatever a foreign producer compresses with, the consumers must be able to read it.
        'compression.type': compression === 'gzip' ? 'gzip' : 'uncompressed',
      }),
});

/** The topics all of whose partitions have a leader, with their number. */
export async function partitionCounts(admin: Admin): Promise<ReadonlyMap<string, number>> {
  const { topics } = await admin.fetchTopicMetadata();
  return new Map(
    topics
      .filter(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0))
      .map(({ name, partitions }) => [name, partitions.length]),
  );
}

/**
 * For how long a record of these topics can be read after it was appended, milliseconds; Infinity if one is kept for
 * ever. A segment takes records for `segment.ms` at most, and goes as a whole when its newest one is past `retention.ms`
 * (https://kafka.apache.org/documentation/#topicconfigs).
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
