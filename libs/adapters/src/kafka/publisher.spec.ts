import { setTimeout as pause } from 'node:timers/promises';
import createSendMessages from 'kafkajs/src/producer/sendMessages';
import createRetry from 'kafkajs/src/retry';
import { NotedRequest, requireOnce } from './publisher';

const took = (...partitions: readonly number[]) =>
  partitions.map((partition) => ({ topicName: 'lending', partition, errorCode: 0 }));

describe('A request to several brokers', () => {
  const addressed = new Set(['lending/0', 'lending/1', 'lending/2']);

  it('succeeds if each partition accepted its records once', () => {
    expect(() => requireOnce(took(2, 0, 1), addressed)).not.toThrow();
  });

  it.each([
    ['left out', took(0, 1)],
    ['written again by its new leader', took(0, 1, 2, 2)],
    ['written twice instead of one that was left out', took(0, 1, 1)],
  ])('must not be committed if a partition was %s', (_, taken) => {
    expect(() => requireOnce(taken, addressed)).toThrow(
      'Records were sent to lending/0, lending/1, lending/2',
    );
  });
});

describe('A request that is sent again', () => {
  const PARTITIONS = [
    { partitionId: 0, leader: 1 },
    { partitionId: 1, leader: 2 },
  ];
  /** One of each partition. */
  const messages = ['a', 'b', 'c', 'd'].map((key) => ({ key, value: key }));

  /** Has kafkajs send records to brokers: broker 1 answers late, and the first request to broker 2 fails. */
  async function send(request: NotedRequest, leaders: readonly number[]) {
    const written: string[] = [];
    const locks = new Map<object, Promise<void>>();
    let failures = 1;
    const brokers = new Map(
      leaders.map((nodeId) => [
        nodeId,
        {
          nodeId,
          produce: async ({ topicData }: { topicData: { partitions: { partition: number }[] }[] }) => {
            if (nodeId === 2 && failures-- > 0) {
              throw Object.assign(new Error('away'), { name: 'KafkaJSConnectionError', retriable: true });
            }
            await pause(nodeId === 1 ? 200 : 0);
            written.push(`by ${nodeId}`);
            const partitions = topicData.flatMap((each) => each.partitions);
            return {
              topics: [
                { topicName: 'lending', partitions: partitions.map(({ partition }) => ({ partition })) },
              ],
            };
          },
        },
      ]),
    );
    const nothing = async () => undefined;
    const sendMessages = createSendMessages({
      logger: { debug: () => undefined, error: () => undefined },
      partitioner: request.partitioner(),
      retrier: createRetry({ initialRetryTime: 5, retries: 5 }),
      eosManager: {
        isTransactional: () => false,
        getSequence: () => 0,
        updateSequence: () => undefined,
        getProducerId: () => 0,
        getProducerEpoch: () => 0,
        acquireBrokerLock: async (broker: object) => {
          await locks.get(broker);
          const { promise, resolve } = Promise.withResolvers<void>();
          locks.set(broker, promise);
          Object.assign(broker, { resolve });
        },
        releaseBrokerLock: async (broker: { resolve: () => void }) => broker.resolve(),
      },
      cluster: {
        addMultipleTargetTopics: nothing,
        refreshMetadataIfNecessary: nothing,
        refreshMetadata: nothing,
        isConnected: () => true,
        findTopicPartitionMetadata: () => PARTITIONS.filter(({ leader }) => leaders.includes(leader)),
        findLeaderForPartitions: (_: string, partitions: string[]) =>
          Object.groupBy(partitions.map(Number), (partition) => (leaders.length === 1 ? 2 : partition + 1)),
        findBroker: async ({ nodeId }: { nodeId: string }) => brokers.get(Number(nodeId)),
      },
    });
    request.begin();
    const taken = await sendMessages({ acks: -1, topicMessages: [{ topic: 'lending', messages }] });
    return { taken, written };
  }

  it('may be written twice by a broker that was slower than the failure of another: kafkajs does not say so', async () => {
    const request = new NotedRequest();
    const { taken, written } = await send(request, [1, 2]);

    expect(written.filter((by) => by === 'by 1')).toHaveLength(2);
    expect(() => requireOnce(taken, request.addressed)).not.toThrow();
    expect(() => request.requireOneTry()).toThrow('sent more than once');
  });

  it('is written once by a single broker', async () => {
    const request = new NotedRequest();
    const { written } = await send(request, [2]);

    expect(written).toEqual(['by 2']);
    expect(() => request.requireOneTry()).not.toThrow();
  });
});
