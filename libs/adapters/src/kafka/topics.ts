import { setTimeout } from 'node:timers/promises';
import { partitionsDiffer } from '@atlas/ports/adapters';
import { type Admin, ConfigResourceTypes } from 'kafkajs';
import type { KafkaClient } from './client';
import { type FoundTopic, findTopics } from './find-topics';

/** Settings of this installation's topics. */
export interface TopicSettings {
  /** The replication factor. */
  readonly replicationFactor: number;
  /** How long events are kept, milliseconds; -1 is for ever. */
  readonly retentionMs: number;
  readonly compression: 'none' | 'gzip';
}

/** A topic as it should be. */
export interface DeclaredTopic {
  /** On the brokers. */
  readonly name: string;
  readonly partitions: number;
  /** What it stores: events, or a publisher's cursor. */
  readonly stores: 'events' | 'cursor';
}

/** Something about a topic that isn't as declared. */
export interface Difference {
  /** On the brokers. */
  readonly topic: string;
  /** What differs, what that does, and how to mend it. */
  readonly sentence: string;
  /** False if it endangers a guarantee. */
  readonly isHarmless: boolean;
}

/** One of Kafka's topic settings. */
interface Setting {
  readonly name: string;
  readonly value: string;
  /** What an actual value that differs would do; undefined if it does no harm. */
  readonly harm: (actual: string, topic: FoundTopic) => string | undefined;
  /** The setting of Atlas that declares the value. */
  readonly declaredBy?: string;
  /** True if it matters to those who only read, and doesn't depend on the writers' settings. */
  readonly isForReaders?: boolean;
}

/**
 * Larger than the limit for events, so that a foreign producer's oversized record arrives and is dead-lettered with a
 * reason.
 */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** Only closed segments are compacted, and a starting publisher reads whatever is left. */
const CURSOR_SEGMENT_BYTES = 10 * 1024 * 1024;
const CREATE_TIMEOUT_MS = 15_000;
const DAY_MS = 24 * 3_600_000;
/** Brokers check retention every 5 minutes (`log.retention.check.interval.ms`), and clocks differ. */
const RETENTION_MARGIN_MS = 15 * 60_000;
/** What this adapter can decompress. */
const READABLE = ['uncompressed', 'gzip'];

const noHarm = (): undefined => undefined;
/** Kafka's -1 is for ever, or without a limit. */
const limit = (value: string): number => (Number(value) < 0 ? Infinity : Number(value));

/** What a topic is created with and must have. */
function settingsOf(
  { stores }: DeclaredTopic,
  { replicationFactor, retentionMs, compression }: TopicSettings,
): readonly Setting[] {
  const inSync = Math.max(1, replicationFactor - 1);
  const common: readonly Setting[] = [
    {
      name: 'min.insync.replicas',
      value: String(inSync),
      declaredBy: 'KAFKA_REPLICATION_FACTOR',
      harm: (actual, topic) =>
        Number(actual) < inSync
          ? 'what was committed could be lost with one broker'
          : Number(actual) > topic.replicationFactor
            ? `nothing can be written, because there are only ${topic.replicationFactor} replicas`
            : undefined,
    },
    {
      name: 'unclean.leader.election.enable',
      value: 'false',
      harm: () => 'what was committed could be lost when a broker fails',
    },
    {
      name: 'compression.type',
      value: compression === 'gzip' ? 'gzip' : 'uncompressed',
      harm: (actual) =>
        READABLE.includes(actual)
          ? undefined
          : "consumers couldn't read records of producers that compress otherwise",
      isForReaders: true,
    },
  ];
  if (stores === 'cursor') {
    return [
      ...common,
      {
        name: 'cleanup.policy',
        value: 'compact',
        harm: () => 'the cursor would be deleted after a while, and every event published again',
      },
      { name: 'min.cleanable.dirty.ratio', value: '0.1', harm: noHarm },
      { name: 'segment.bytes', value: String(CURSOR_SEGMENT_BYTES), harm: noHarm },
    ];
  }
  return [
    ...common,
    {
      name: 'cleanup.policy',
      value: 'delete',
      harm: () => "all but the last event of each key would be deleted, and with them consumers' work",
      isForReaders: true,
    },
    {
      name: 'retention.ms',
      value: String(retentionMs),
      declaredBy: 'EVENT_LOG_RETENTION_HOURS',
      harm: (actual) =>
        limit(actual) < limit(String(retentionMs))
          ? 'events would be deleted before a slow consumer has read them'
          : undefined,
    },
    {
      name: 'retention.bytes',
      value: '-1',
      harm: () => 'events would be deleted before a slow consumer has read them',
    },
    ...(retentionMs > 0
      ? [
          {
            // A record is kept until its whole segment is past its retention, so segments must not be too long.
            name: 'segment.ms',
            value: String(Math.ceil(Math.min(DAY_MS, retentionMs / 4))),
            harm: noHarm,
          },
        ]
      : []),
    {
      name: 'message.timestamp.type',
      value: 'LogAppendTime',
      harm: () =>
        "how long a record is kept would depend on producers' clocks, so it could be delivered again after the " +
        'inbox has forgotten it',
      isForReaders: true,
    },
    {
      name: 'max.message.bytes',
      value: String(MAX_BATCH_BYTES),
      harm: (actual) => (Number(actual) < MAX_BATCH_BYTES ? 'a large event would stop its relay' : undefined),
    },
  ];
}

/**
 * Creates missing topics, even if others do so concurrently, and waits until every partition has a leader.
 * @returns what differs from the declaration.
 */
export async function makeTopics(
  client: KafkaClient,
  topics: readonly DeclaredTopic[],
  settings: TopicSettings,
): Promise<readonly Difference[]> {
  const admin = client.kafka.admin();
  await admin.connect();
  const names = topics.map(({ name }) => name);
  const there = new Set((await findTopics(client.cluster(), names)).map(({ name }) => name));
  // One by one: kafkajs treats "already exists" as success only if it is the only error.
  for (const topic of topics.filter(({ name }) => !there.has(name))) {
    await admin.createTopics({
      topics: [
        {
          topic: topic.name,
          numPartitions: topic.partitions,
          replicationFactor: settings.replicationFactor,
          configEntries: settingsOf(topic, settings).map(({ name, value }) => ({ name, value })),
        },
      ],
      waitForLeaders: false,
    });
  }
  return differencesOf(admin, await whenLed(client, names), topics, settings, false);
}

/** Waits until the topics exist and every partition has a leader. */
async function whenLed(client: KafkaClient, names: readonly string[]): Promise<readonly FoundTopic[]> {
  const deadline = Date.now() + CREATE_TIMEOUT_MS;
  for (;;) {
    const found = await findTopics(client.cluster(), names);
    const waiting = names.filter((name) => !found.some((topic) => topic.name === name && topic.isLed));
    if (waiting.length === 0) return found;
    if (Date.now() > deadline) {
      throw new Error(
        `${waiting.join(', ')}: not every partition got a leader within ${CREATE_TIMEOUT_MS / 1_000} s`,
      );
    }
    await setTimeout(50);
  }
}

/** What matters to readers and isn't as declared. @param found all of them. */
export async function differencesForReaders(
  client: KafkaClient,
  found: readonly FoundTopic[],
  topics: readonly DeclaredTopic[],
  settings: TopicSettings,
): Promise<readonly Difference[]> {
  const admin = client.kafka.admin();
  await admin.connect();
  return differencesOf(admin, found, topics, settings, true);
}

async function differencesOf(
  admin: Admin,
  found: readonly FoundTopic[],
  topics: readonly DeclaredTopic[],
  settings: TopicSettings,
  forReaders: boolean,
): Promise<readonly Difference[]> {
  const configs = await configsOf(
    admin,
    topics.map((topic) => [topic.name, settingsOf(topic, settings).map(({ name }) => name)]),
  );
  return topics.flatMap((topic) => {
    const actual = found.find(({ name }) => name === topic.name) as FoundTopic;
    const config = configs.get(topic.name);
    const differing = settingsOf(topic, settings).flatMap((setting) => {
      const value = config?.get(setting.name) ?? '';
      const matters = !forReaders || setting.isForReaders === true;
      return matters && value !== setting.value ? [settingDiffers(actual, setting, value)] : [];
    });
    return [
      ...partitionCountDiffers(topic, actual),
      ...(forReaders ? [] : replicationDiffers(actual, settings)),
      ...differing,
    ];
  });
}

function partitionCountDiffers({ name, partitions }: DeclaredTopic, actual: FoundTopic): Difference[] {
  if (actual.partitions === partitions) return [];
  const sentence = partitionsDiffer(name, actual.partitions, partitions);
  return [{ topic: name, sentence, isHarmless: false }];
}

function replicationDiffers(
  { name, replicationFactor: actual }: FoundTopic,
  { replicationFactor: declared }: TopicSettings,
): Difference[] {
  if (actual === declared) return [];
  const isHarmless = actual > declared;
  const sentence =
    `Topic "${name}" keeps each record on ${actual} brokers, not ${declared}` +
    `${isHarmless ? '' : ': it could be lost with them'}. Change that with kafka-reassign-partitions.sh, or set ` +
    `KAFKA_REPLICATION_FACTOR=${actual}.`;
  return [{ topic: name, sentence, isHarmless }];
}

function settingDiffers(topic: FoundTopic, setting: Setting, actual: string): Difference {
  const { name, value, declaredBy } = setting;
  const harm = setting.harm(actual, topic);
  const sentence =
    `Topic "${topic.name}" has ${name}=${actual}, not ${value}${harm === undefined ? '' : `: ${harm}`}. ` +
    'Change it with: kafka-configs.sh --bootstrap-server BROKER --alter --entity-type topics ' +
    `--entity-name ${topic.name} --add-config ${name}=${value}` +
    `${declaredBy === undefined ? '' : ` (or set ${declaredBy} to what you want)`}`;
  return { topic: topic.name, sentence, isHarmless: harm === undefined };
}

/**
 * How long after its append a record of these topics can still be read, milliseconds; Infinity if any topic keeps
 * records for ever. A segment takes records for at most `segment.ms`, and is deleted when its newest record is past
 * `retention.ms` (https://kafka.apache.org/documentation/#topicconfigs).
 */
export async function longestRedelivery(admin: Admin, topics: readonly string[]): Promise<number> {
  const names = ['cleanup.policy', 'retention.ms', 'segment.ms'];
  const configs = await configsOf(
    admin,
    topics.map((topic) => [topic, names]),
  );
  const windows = [...configs.values()].map((config) => {
    const retentionMs = Number(config.get('retention.ms'));
    if (config.get('cleanup.policy') !== 'delete' || retentionMs < 0) return Infinity;
    return retentionMs + Number(config.get('segment.ms')) + RETENTION_MARGIN_MS;
  });
  return Math.max(0, ...windows);
}

/** The values of these settings, by topic and name. */
async function configsOf(
  admin: Admin,
  topics: readonly (readonly [topic: string, settings: readonly string[]])[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  if (topics.length === 0) return new Map();
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map(([name, settings]) => ({
      type: ConfigResourceTypes.TOPIC,
      name,
      configNames: [...settings],
    })),
  });
  return new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    ]),
  );
}
