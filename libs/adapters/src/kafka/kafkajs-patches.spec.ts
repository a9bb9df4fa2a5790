import KafkaCluster from 'kafkajs/src/cluster';
import RequestQueue from 'kafkajs/src/network/requestQueue';
import './kafkajs-patches';

describe('A connection to Kafka', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('sets no timer when all its requests are answered', () => {
    const queue = new RequestQueue({ maxInFlightRequests: null });

    // What kafkajs does after each response.
    queue.checkPendingRequests();

    expect(jest.getTimerCount()).toBe(0);
  });

  it('looks up its transaction coordinator periodically, and again immediately after a failure', async () => {
    const answer = jest.fn();
    const find = (coordinatorType: number) =>
      KafkaCluster.prototype.findGroupCoordinatorMetadata.call(cluster as unknown as KafkaCluster, {
        groupId: 'atlas-lending',
        coordinatorType,
      });
    const cluster = { brokerPool: { withBroker: answer } };

    answer.mockResolvedValueOnce(undefined);
    await expect(find(1)).rejects.toThrow('Failed to find group coordinator');
    answer.mockResolvedValue({ coordinator: { nodeId: 1 } });
    expect(await find(1)).toEqual({ coordinator: { nodeId: 1 } });
    await find(1);
    await find(1);
    expect(answer).toHaveBeenCalledTimes(2);

    jest.advanceTimersByTime(500);
    await find(1);
    expect(answer).toHaveBeenCalledTimes(3);

    await find(0);
    await find(0);
    expect(answer).toHaveBeenCalledTimes(5);
  });
});
