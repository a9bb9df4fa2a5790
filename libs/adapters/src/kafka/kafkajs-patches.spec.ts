import KafkaBroker from 'kafkajs/src/broker';
import KafkaCluster from 'kafkajs/src/cluster';
import BrokerPool from 'kafkajs/src/cluster/brokerPool';
import RequestQueue from 'kafkajs/src/network/requestQueue';
import Decoder from 'kafkajs/src/protocol/decoder';
import decodeRecord from 'kafkajs/src/protocol/recordBatch/record/v0/decoder';
import './kafkajs-patches';
import { toConsumedRecord } from './reader';

describe('A connection to Kafka', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('sets no timer when all its requests are answered', () => {
    const queue = new RequestQueue({ maxInFlightRequests: null });

    // What kafkajs does after each response.
    queue.checkPendingRequests();

    expect(jest.getTimerCount()).toBe(0);
  });

  it('says what was denied when it asks for a coordinator', async () => {
    const denied = Object.assign(new Error('Not authorized to access group'), {
      type: 'GROUP_AUTHORIZATION_FAILED',
    });
    const pool = { brokers: { 1: {}, 2: {} }, findBroker: () => Promise.resolve({}) };
    const ask = (error: Error) =>
      BrokerPool.prototype.withBroker.call(pool as unknown as BrokerPool, () => Promise.reject(error));

    await expect(ask(denied)).rejects.toBe(denied);
    expect(await ask(new Error('away'))).toBeNull();
  });

  describe('waits with the first partitions of a transaction', () => {
    const refused = Object.assign(new Error('The last one is not closed'), {
      type: 'CONCURRENT_TRANSACTIONS',
      retriable: true,
    });
    const add = (request: jest.Mock) => {
      const broker = Object.assign(Object.create(KafkaBroker.prototype) as KafkaBroker, {
        lookupRequest: () => () => ({}),
        connectionPool: { send: request },
      });
      return broker.addPartitionsToTxn({});
    };

    it('until the last one is closed', async () => {
      const request = jest.fn().mockRejectedValueOnce(refused).mockRejectedValueOnce(refused);
      jest.useRealTimers();

      await add(request);
      expect(request).toHaveBeenCalledTimes(3);
      request.mockRejectedValueOnce(new Error('away'));
      await expect(add(request)).rejects.toThrow('away');
    });

    it('for five seconds at most, which kafkajs does not repeat', async () => {
      const request = jest.fn(() => {
        jest.advanceTimersByTime(1_000);
        return Promise.reject(refused);
      });

      await expect(add(request)).rejects.toMatchObject({ type: 'CONCURRENT_TRANSACTIONS', retriable: false });
      expect(request).toHaveBeenCalledTimes(6);
    });
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

describe('A record', () => {
  /** A zigzag varint, seven bits per byte. */
  const varint = (value: number): Buffer => {
    const bytes: number[] = [];
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    for (; rest > 0x7f; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
    return Buffer.from([...bytes, rest]);
  };
  const block = (content: string | null): Buffer =>
    content === null ? varint(-1) : Buffer.concat([varint(Buffer.byteLength(content)), Buffer.from(content)]);
  /** Decodes a record with these headers, and neither key nor value. */
  const headersOf = (...headers: readonly (readonly [name: string, value: string | null])[]) => {
    const encoded = Buffer.concat([
      Buffer.from([0, 0, 0, 1, 1]),
      varint(headers.length),
      ...headers.flatMap(([name, value]) => [block(name), block(value)]),
    ]);
    return decodeRecord(new Decoder(encoded), { firstOffset: '0', firstTimestamp: '0' }).headers;
  };

  it('may have ten thousand headers', () => {
    const begun = performance.now();
    const headers = headersOf(...Array.from({ length: 10_000 }, (_, n) => [`header ${n}`, `${n}`] as const));
    expect(performance.now() - begun).toBeLessThan(2_000);
    expect(Object.keys(headers)).toHaveLength(10_000);
    expect(headers['header 9999']).toEqual(Buffer.from('9999'));
  });

  it('may have several headers with one name, one without a value, and one with the name of a property', () => {
    const headers = headersOf(
      ['a', '1'],
      ['b', null],
      ['a', '2'],
      ['a', null],
      ['__proto__', '3'],
      ['', '4'],
    );
    expect(Object.entries(headers)).toEqual([
      ['a', [Buffer.from('1'), Buffer.from('2'), null]],
      ['b', null],
      ['__proto__', Buffer.from('3')],
      ['', Buffer.from('4')],
    ]);
  });

  it('reaches the port whatever its bytes, its headers and its time are', () => {
    const fetched = {
      offset: '7',
      key: Buffer.from([0xff, 0x61]),
      value: null,
      headers: headersOf(['a', '1'], ['a', '2'], ['b', null], ['__proto__', '3']),
      timestamp: '9223372036854775807',
    };
    const place = { topic: 'lending.events', partition: 3, log: 'first' };
    const record = toConsumedRecord(place, fetched);
    expect(record).toMatchObject({ ...place, offset: 7, value: null });
    expect(record.key).toBe('\udcffa');
    expect(Object.entries(record.headers)).toEqual([
      ['a', '2'],
      ['b', ''],
      ['__proto__', '3'],
    ]);
    expect(new Date(record.timestamp).toISOString()).toBe('+275760-09-13T00:00:00.000Z');
    expect(toConsumedRecord(place, { ...fetched, key: Buffer.alloc(0) }).key).toBe('');
    expect(toConsumedRecord(place, { ...fetched, key: null }).key).toBeNull();
  });
});
