import type { Cluster } from 'kafkajs';
import { requests } from 'kafkajs/src/protocol/requests';
import './kafkajs-patches';
import { findTopics } from './find-topics';
import { learnTopicIds } from './topic-ids';

const LEADER_NOT_AVAILABLE = 5;
const UNKNOWN_TOPIC = 3;
const UNAUTHORIZED = 29;

const partition = (leader: number) => ({
  partitionErrorCode: leader < 0 ? LEADER_NOT_AVAILABLE : 0,
  partitionId: 0,
  leader,
  replicas: [1, 2, 3],
  isr: [],
});
const topic = (name: string, topicErrorCode: number, ...leaders: number[]) => ({
  topicErrorCode,
  topic: name,
  partitionMetadata: leaders.map(partition),
});
const RESPONSE = {
  topicMetadata: [
    topic('ours', 0, 1, 2),
    topic('leaderless', 0, 1, -1),
    topic('missing', UNKNOWN_TOPIC),
    topic('forbidden', UNAUTHORIZED),
  ],
};

/** A cluster that returns the response as its broker parses it. */
const cluster = (response: object): Cluster => {
  const broker = {
    lookupRequest: () => requests.Metadata.protocol({ version: 12 }),
    connectionPool: {
      send: ({ response: { parse } }: { response: { parse: (content: object) => unknown } }) =>
        parse(response),
    },
  };
  return {
    connect: async () => undefined,
    brokerPool: { findConnectedBroker: async () => broker },
  } as unknown as Cluster;
};

describe('On a cluster with a topic that has no leader, one that is missing and one that is forbidden', () => {
  beforeAll(() => learnTopicIds());

  it('the others are found', async () => {
    const found = { partitions: 2, replicationFactor: 3 };
    expect(await findTopics(cluster(RESPONSE), undefined)).toEqual([
      { name: 'ours', ...found, isLed: true },
      { name: 'leaderless', ...found, isLed: false },
    ]);
  });

  it('a forbidden one that was asked for by name is an error', async () => {
    await expect(findTopics(cluster(RESPONSE), ['forbidden'])).rejects.toThrow('Not authorized');
    expect(
      await findTopics(cluster({ topicMetadata: [topic('missing', UNKNOWN_TOPIC)] }), ['missing']),
    ).toEqual([]);
  });

  it("kafkajs's own requests for all topics see the healthy ones", async () => {
    const { response } = requests.Metadata.protocol({ version: 12 })({ topics: [] });
    const { parse } = response as { parse: (content: object) => Promise<typeof RESPONSE> };
    expect((await parse(RESPONSE)).topicMetadata.map((each) => each.topic)).toEqual(['ours']);
  });
});
