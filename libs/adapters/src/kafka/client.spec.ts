import RequestQueue from 'kafkajs/src/network/requestQueue';
import './client';

describe('A connection to Kafka', () => {
  afterEach(() => jest.useRealTimers());

  it('sets no timer when all its requests are answered', () => {
    jest.useFakeTimers();
    const queue = new RequestQueue({ maxInFlightRequests: null });

    // What kafkajs does after each answer.
    queue.checkPendingRequests();

    expect(jest.getTimerCount()).toBe(0);
  });
});
