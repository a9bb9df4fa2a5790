import { type ConsumedRecord, textOf } from '@atlas/ports/adapters';
import type { Cluster } from 'kafkajs';
import type { FetchedRecord, FetchResponse, HeaderValue } from './read-committed';
import { PinnedTopic, topicIds } from './topic-ids';

const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;
const FETCH_BYTES = 4 * 1024 * 1024;
const FETCH_WAIT_MS = 1_000;

/**
 * The first retained offset and the end offset of the requested partitions; the cluster determines whether uncommitted
 * records count.
 */
export interface Extent {
  readonly topic: string;
  readonly partition: number;
  /** The topic's id. */
  readonly log: string;
  readonly start: number;
  readonly end: number;
}

/** Every partition of the topics, in no particular order. @throws Error if a topic doesn't exist. */
export async function extents(cluster: Cluster, topics: readonly string[]): Promise<Extent[]> {
  if (topics.length === 0) return [];
  await cluster.connect();
  await cluster.addMultipleTargetTopics([...topics]);
  const wanted = topics.map((topic) => ({
    topic,
    partitions: cluster
      .findTopicPartitionMetadata(topic)
      .map(({ partitionId }) => ({ partition: partitionId })),
  }));
  const offsetsOf = async (fromBeginning: boolean) => {
    const found = await cluster.fetchTopicsOffset(wanted.map((each) => ({ ...each, fromBeginning })));
    return new Map(
      found.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset }) => [`${topic}/${partition}`, Number(offset)]),
      ),
    );
  };
  const logs = await topicIds(cluster, topics);
  // Start offsets first, so that a start never exceeds its end.
  const starts = await offsetsOf(true);
  const ends = await offsetsOf(false);
  return wanted.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition }) => {
      const [start, end] = [starts.get(`${topic}/${partition}`), ends.get(`${topic}/${partition}`)];
      if (start === undefined || end === undefined) {
        throw new Error(
          `The brokers returned no offsets for ${topic}/${partition}: it currently has no leader`,
        );
      }
      return { topic, partition, log: logs.get(topic) ?? '', start, end };
    }),
  );
}

/**
 * Reads a partition without a group, from offset `from` up to `to`, control records included.
 */
export async function* readPartition(
  cluster: Cluster,
  {
    topic,
    partition,
    log,
    from,
    to,
    uncommitted,
  }: {
    readonly topic: string;
    /** The topic's id: records of another topic of this name are refused. */
    readonly log: string;
    readonly partition: number;
    readonly from: number;
    readonly to: number;
    /** Includes records of open and aborted transactions. */
    readonly uncommitted: boolean;
  },
): AsyncIterable<FetchedRecord> {
  await cluster.connect();
  await cluster.addMultipleTargetTopics([topic]);
  const pinned = new PinnedTopic(topic, log) as unknown as string;
  for (let position = from; position < to;) {
    const [leader] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]));
    if (leader === undefined) throw new Error(`${topic}/${partition} currently has no leader`);
    const broker = await cluster.findBroker({ nodeId: leader });
    const { responses } = (await broker.fetch({
      isolationLevel: uncommitted ? READ_UNCOMMITTED : READ_COMMITTED,
      maxWaitTime: FETCH_WAIT_MS,
      maxBytes: FETCH_BYTES,
      topics: [
        { topic: pinned, partitions: [{ partition, fetchOffset: String(position), maxBytes: FETCH_BYTES }] },
      ],
    })) as FetchResponse;
    // A batch is returned whole, even if it starts before `position`.
    const records = (responses[0]?.partitions[0]?.messages ?? []).filter(
      ({ offset }) => Number(offset) >= position,
    );
    if (records.length === 0) {
      throw new Error(`${topic}/${partition} ends at offset ${to}, but returns nothing at ${position}`);
    }
    for (const record of records) {
      position = Number(record.offset) + 1;
      if (position > to) return;
      yield record;
    }
  }
}

/** The furthest time from 1970 that a JavaScript date can hold, milliseconds. */
const MAX_TIME_MS = 8.64e15;

/** Converts a record to the port's form, whatever a foreign producer wrote. */
export function toConsumedRecord(
  { topic, partition, log }: Pick<ConsumedRecord, 'topic' | 'partition' | 'log'>,
  { offset, key, value, headers, timestamp }: Omit<FetchedRecord, 'isControlRecord'>,
): ConsumedRecord {
  return {
    topic,
    partition,
    log,
    offset: Number(offset),
    key: key && textOf(key),
    // From entries, because assigning to the name "__proto__" would do something else.
    headers: Object.fromEntries(
      Object.entries(headers ?? {}).map(([name, content]) => [name, headerOf(content)]),
    ),
    value,
    timestamp: Math.min(Math.max(Number(timestamp), -MAX_TIME_MS), MAX_TIME_MS),
  };
}

function headerOf(content: NonNullable<FetchedRecord['headers']>[string]): string {
  const last = Array.isArray(content) ? (content as readonly HeaderValue[]).at(-1) : (content as HeaderValue);
  return Buffer.isBuffer(last) ? textOf(last) : (last ?? '');
}
