import type { Cluster } from 'kafkajs';
import Decoder from 'kafkajs/src/protocol/decoder';
import Encoder from 'kafkajs/src/protocol/encoder';
import { createErrorFromCode, failure } from 'kafkajs/src/protocol/error';
import { type FetchRequest, type MetadataRequest, requests } from 'kafkajs/src/protocol/requests';
import decodeMessages from 'kafkajs/src/protocol/requests/fetch/v4/decodeMessages';
import { parse as parseFetch } from 'kafkajs/src/protocol/requests/fetch/v0/response';
import { parse as parseMetadata } from 'kafkajs/src/protocol/requests/metadata/v0/response';

// kafkajs knows no topic ids (KIP-516): its Metadata requests end with version 6 and its Fetch requests with 11. The
// versions below are those of Kafka 3.1; see kafka.apache.org/protocol, also for the "compact" types and tagged fields.

const METADATA = 12;
const FETCH = 13;
const NO_ID = Buffer.alloc(16).toString('base64url');

const UNKNOWN_TOPIC_OR_PARTITION = 3;
/** UNKNOWN_TOPIC_ID and INCONSISTENT_TOPIC_ID: the topic was deleted, or the broker doesn't know it yet. */
const OTHER_TOPIC: readonly number[] = [100, 103];

/** A topic as of some moment: a topic that is made anew under its name is another one. */
export class PinnedTopic {
  constructor(
    readonly name: string,
    /** As Kafka's own tools print it. */
    readonly id: string,
  ) {}
}

/** What kafkajs makes of a Metadata response; it passes the ids on. */
export interface TopicMetadata {
  readonly topicErrorCode: number;
  readonly topic: string;
  readonly topicId?: string;
  readonly partitionMetadata: readonly {
    readonly partitionErrorCode: number;
    /** Negative if there is none. */
    readonly leader: number;
    readonly replicas: readonly number[];
  }[];
}

/**
 * The current ids of these topics, by name.
 * @throws Error if a topic doesn't exist or its broker is older than Kafka 3.1.
 */
export async function topicIds(
  cluster: Cluster,
  topics: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const ask = cluster.metadata.bind(cluster) as unknown as (_: {
    readonly topics: readonly string[];
  }) => Promise<{ readonly topicMetadata: readonly TopicMetadata[] } | null>;
  const metadata = await ask({ topics });
  const ids = new Map(metadata?.topicMetadata.map(({ topic, topicId }) => [topic, topicId]));
  return new Map(topics.map((topic) => [topic, idOf(topic, ids)]));
}

function idOf(topic: string, ids: ReadonlyMap<string, string | undefined>): string {
  if (!ids.has(topic)) throw new Error(`No broker knows topic "${topic}" at the moment`);
  const id = ids.get(topic);
  if (!id || id === NO_ID) throw new Error(`Topic "${topic}" has no id: Kafka 3.1 or newer is required`);
  return id;
}

/** Makes kafkajs ask for topic ids where the broker has them, and fetch from {@link PinnedTopic}s by id. */
export function learnTopicIds(): void {
  const { Metadata, Fetch } = requests;
  const [metadata, fetch] = [Metadata.protocol, Fetch.protocol];
  const [lastMetadata, lastFetch] = [newest(Metadata.versions), newest(Fetch.versions)];
  if (lastFetch >= FETCH) return;
  Metadata.versions.push(String(METADATA));
  Metadata.protocol = ({ version }) =>
    version === METADATA ? metadataRequest : metadata({ version: Math.min(version, lastMetadata) });
  Fetch.versions.push(String(FETCH));
  Fetch.protocol = ({ version }) => {
    const byName = fetch({ version: Math.min(version, lastFetch) });
    return (request) => {
      if (!request.topics.some(({ topic }) => topic instanceof PinnedTopic)) return byName(request);
      if (version === FETCH) return fetchRequest(request as PinnedFetch, byName(request));
      throw new Error('Fetching by topic id requires Kafka 3.1 or newer');
    };
  };
}

const newest = (versions: readonly string[]): number => Math.max(...versions.map(Number));

function metadataRequest({ topics, allowAutoTopicCreation = true }: MetadataRequest) {
  const encode = async () => {
    const encoder = new Encoder();
    noTags(encoder); // of the header
    encoder.writeUVarInt(topics.length === 0 ? 0 : topics.length + 1);
    for (const topic of topics) {
      encoder.writeBuffer(Buffer.alloc(16)); // asked by name, not by id
      encoder.writeUVarIntString(topic);
      noTags(encoder);
    }
    encoder.writeBoolean(allowAutoTopicCreation);
    encoder.writeBoolean(false); // include_topic_authorized_operations
    return noTags(encoder);
  };
  return {
    request: { apiKey: 3, apiVersion: METADATA, apiName: 'Metadata', encode },
    response: { decode: decodeMetadata, parse: topics.length === 0 ? parseAll : parseMetadata },
  };
}

/**
 * kafkajs asks for all topics when it looks for brokers only, and would fail if any topic of the cluster, perhaps
 * another platform's, had no leader at the moment.
 */
async function parseAll<R extends { readonly topicMetadata: readonly TopicMetadata[] }>(all: R): Promise<R> {
  const topicMetadata = all.topicMetadata.filter(
    ({ topicErrorCode, partitionMetadata }) =>
      !failure(topicErrorCode) && !partitionMetadata.some((each) => failure(each.partitionErrorCode)),
  );
  return { ...all, topicMetadata };
}

async function decodeMetadata(content: Buffer) {
  const decoder = new Decoder(content);
  skipTags(decoder); // of the header
  return {
    throttleTime: 0,
    clientSideThrottleTime: decoder.readInt32(),
    brokers: array(decoder, () => ({
      nodeId: decoder.readInt32(),
      host: decoder.readUVarIntString(),
      port: decoder.readInt32(),
      rack: decoder.readUVarIntString(),
    })),
    clusterId: decoder.readUVarIntString(),
    controllerId: decoder.readInt32(),
    topicMetadata: array(decoder, () => {
      const topic = {
        topicErrorCode: decoder.readInt16(),
        topic: decoder.readUVarIntString(),
        topicId: readId(decoder),
        isInternal: decoder.readBoolean(),
        partitionMetadata: array(decoder, () => {
          const partition = {
            partitionErrorCode: decoder.readInt16(),
            partitionId: decoder.readInt32(),
            leader: decoder.readInt32(),
          };
          decoder.readInt32(); // leader_epoch
          return { ...partition, replicas: ids(decoder), isr: ids(decoder), offlineReplicas: ids(decoder) };
        }),
      };
      decoder.readInt32(); // topic_authorized_operations
      return topic;
    }),
  };
}

interface PinnedFetch extends FetchRequest {
  readonly topics: readonly (FetchRequest['topics'][number] & { readonly topic: PinnedTopic })[];
}

function fetchRequest(request: PinnedFetch, byName: object) {
  const names = new Map(request.topics.map(({ topic }) => [topic.id, topic.name]));
  return {
    ...byName,
    request: { apiKey: 1, apiVersion: FETCH, apiName: 'Fetch', encode: async () => encodeFetch(request) },
    response: { decode: (content: Buffer) => decodeFetch(content, names), parse: parseFetch },
  };
}

function encodeFetch(request: PinnedFetch): Encoder {
  const {
    replicaId = -1,
    isolationLevel = 1,
    maxWaitTime,
    minBytes,
    maxBytes,
    rackId = '',
    topics,
  } = request;
  const encoder = new Encoder();
  noTags(encoder); // of the header
  encoder.writeInt32(replicaId).writeInt32(maxWaitTime).writeInt32(minBytes).writeInt32(maxBytes);
  encoder.writeInt8(isolationLevel);
  encoder.writeInt32(0).writeInt32(-1); // no fetch session
  encoder.writeUVarInt(topics.length + 1);
  for (const { topic, partitions } of topics) {
    encoder.writeBuffer(Buffer.from(topic.id, 'base64url'));
    encoder.writeUVarInt(partitions.length + 1);
    for (const { partition, fetchOffset, maxBytes: most } of partitions) {
      encoder.writeInt32(partition);
      encoder.writeInt32(-1); // current_leader_epoch
      encoder.writeInt64(fetchOffset);
      encoder.writeInt32(-1); // last_fetched_epoch
      encoder.writeInt64('-1'); // log_start_offset
      encoder.writeInt32(most);
      noTags(encoder);
    }
    noTags(encoder);
  }
  encoder.writeUVarInt(1); // no forgotten topics
  encoder.writeUVarIntString(rackId);
  return noTags(encoder);
}

async function decodeFetch(content: Buffer, names: ReadonlyMap<string, string>) {
  const decoder = new Decoder(content);
  skipTags(decoder); // of the header
  const clientSideThrottleTime = decoder.readInt32();
  const errorCode = decoder.readInt16();
  if (failure(errorCode)) throw createErrorFromCode(errorCode);
  const sessionId = decoder.readInt32();
  const responses = array(decoder, () => {
    const topicName = names.get(readId(decoder)) ?? '';
    const partitions = array(decoder, () => ({
      partition: decoder.readInt32(),
      errorCode: known(decoder.readInt16()),
      highWatermark: String(decoder.readInt64()),
      lastStableOffset: String(decoder.readInt64()),
      lastStartOffset: String(decoder.readInt64()),
      abortedTransactions: array(decoder, () => ({
        producerId: String(decoder.readInt64()),
        firstOffset: String(decoder.readInt64()),
      })),
      preferredReadReplica: decoder.readInt32(),
      records: decoder.readBytes(Math.max(0, decoder.readUVarInt() - 1)),
    }));
    return { topicName, partitions };
  });
  return {
    throttleTime: 0,
    clientSideThrottleTime,
    errorCode,
    sessionId,
    responses: await Promise.all(
      responses.map(async ({ topicName, partitions }) => ({
        topicName,
        partitions: await Promise.all(
          partitions.map(async ({ records, ...partition }) => ({
            ...partition,
            messages: await decodeMessages({
              readInt32: () => records.length,
              canReadBytes: () => true,
              readBytes: () => records,
            }),
          })),
        ),
      })),
    ),
  };
}

/** As kafkajs knows it: it then asks for the metadata again and rejoins its group. */
const known = (errorCode: number): number =>
  OTHER_TOPIC.includes(errorCode) ? UNKNOWN_TOPIC_OR_PARTITION : errorCode;

const readId = (decoder: Decoder): string => decoder.readBytes(16).toString('base64url');

const ids = (decoder: Decoder): number[] => decoder.readUVarIntArray(() => decoder.readInt32()) ?? [];

/** A compact array of structs, which end with tagged fields. */
const array = <T>(decoder: Decoder, read: () => T): T[] =>
  decoder.readUVarIntArray(() => {
    const struct = read();
    skipTags(decoder);
    return struct;
  }) ?? [];

const noTags = (encoder: Encoder): Encoder => encoder.writeUVarInt(0);

function skipTags(decoder: Decoder): void {
  for (let tags = decoder.readUVarInt(); tags > 0; tags -= 1) {
    decoder.readUVarInt(); // the tag
    decoder.forward(decoder.readUVarInt());
  }
}
