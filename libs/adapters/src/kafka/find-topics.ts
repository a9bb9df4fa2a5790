import type { Broker, Cluster } from 'kafkajs';
import { createErrorFromCode, failure } from 'kafkajs/src/protocol/error';
import { requests } from 'kafkajs/src/protocol/requests';
import type { TopicMetadata } from './topic-ids';

/** A topic as the brokers know it at the moment. */
export interface FoundTopic {
  readonly name: string;
  readonly partitions: number;
  /** The fewest replicas of any partition. */
  readonly replicationFactor: number;
  /** True if every partition has a leader. */
  readonly isLed: boolean;
}

const METADATA_KEY = 3;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const LEADER_NOT_AVAILABLE = 5;

/** What kafkajs hides: sends a request and parses its response without its retries. */
interface OpenCluster extends Cluster {
  readonly brokerPool: { findConnectedBroker(): Promise<OpenBroker> };
}
type OpenBroker = Broker & {
  lookupRequest(
    key: number,
    definition: object,
  ): (typeof requests)['Metadata']['protocol'] extends (_: never) => infer Make ? Make : never;
  readonly connectionPool: { send(message: object): Promise<MetadataResponse> };
};
interface MetadataResponse {
  readonly topicMetadata: readonly TopicMetadata[];
}

/**
 * The topics that exist, of those named or of all that this client may see. Unlike kafkajs's own requests, one that
 * doesn't exist or has no leader doesn't hide the others.
 * @throws Error if the brokers refuse to tell, such as for want of a permission.
 */
export async function findTopics(
  cluster: Cluster,
  names: readonly string[] | undefined,
): Promise<readonly FoundTopic[]> {
  if (names?.length === 0) return [];
  await cluster.connect();
  const broker = await (cluster as OpenCluster).brokerPool.findConnectedBroker();
  const make = broker.lookupRequest(METADATA_KEY, requests.Metadata);
  const { request, response } = make({ topics: names ?? [], allowAutoTopicCreation: false });
  const asItIs = async (content: MetadataResponse) => content;
  const { topicMetadata } = await broker.connectionPool.send({
    request,
    response: { ...response, parse: asItIs },
  });
  return topicMetadata.flatMap((found) => {
    const { topic: name, topicErrorCode: code, partitionMetadata } = found;
    if (code === UNKNOWN_TOPIC_OR_PARTITION) return [];
    if (failure(code) && code !== LEADER_NOT_AVAILABLE) {
      if (names) throw createErrorFromCode(code);
      return [];
    }
    return {
      name,
      partitions: partitionMetadata.length,
      replicationFactor: Math.min(...partitionMetadata.map(({ replicas }) => replicas.length)),
      isLed: partitionMetadata.length > 0 && partitionMetadata.every(({ leader }) => leader >= 0),
    };
  });
}
