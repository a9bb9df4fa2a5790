import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { ConsumedRecord } from '@atlas/ports/adapters';
import { eventually } from '@atlas/testing';
import { Kafka, logLevel, Partitioners, type Producer, type Transaction } from 'kafkajs';
import { KafkaClient } from './client';
import { KafkaEventLog } from './kafka-event-log';
import { extents, readPartition } from './reader';
import { Child } from './test/child';
import { type KafkaContainer, startKafka } from './test/kafka-container';

const DEADLINE_MS = 60_000;
const PARTITIONS = 6;

jest.setTimeout(3 * DEADLINE_MS);

describe('The event log on Kafka under faults', () => {
  let kafka: KafkaContainer;
  let log: KafkaEventLog;
  let topic: string;
  let children: Child[] = [];
  let producers: Producer[] = [];

  beforeAll(async () => {
    kafka = await startKafka();
  });

  beforeEach(async () => {
    log = await KafkaEventLog.open({ brokers: kafka.brokers, clientId: 'test' });
    topic = `faults.${randomUUID()}`;
    await log.ensureTopics([{ name: topic, partitions: PARTITIONS }]);
  });

  afterEach(async () => {
    await Promise.all(children.filter((child) => child.running).map((child) => child.end('SIGKILL')));
    children = [];
    await Promise.all(producers.map((producer) => producer.disconnect()));
    producers = [];
    await log.close();
  });

  afterAll(() => kafka?.remove());

  const run = (...args: readonly (string | number)[]): Child => {
    const child = Child.run(...args);
    children.push(child);
    return child;
  };
  const publisher = (source: string, batch: number, pauseMs = 0): Child =>
    run('publish', kafka.brokers[0] as string, topic, source, batch, pauseMs);

  /** What readers receive, by key. */
  const published = async (): Promise<Map<string, number[]>> => {
    const numbers = new Map<string, number[]>();
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      for await (const { key, headers } of log.read(topic, partition)) {
        numbers.set(key ?? '', [...(numbers.get(key ?? '') ?? []), Number(headers['number'])]);
      }
    }
    return numbers;
  };

  /** Expects every number from 1 to the last exactly once, and in order per key. Returns the last. */
  const expectNoGapNoDuplicate = (byKey: ReadonlyMap<string, readonly number[]>): number => {
    const all = [...byKey.values()].flat().sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: all.length }, (_, index) => index + 1));
    for (const numbers of byKey.values()) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    return all.length;
  };

  /** The number of records written, including aborted ones. */
  const written = async (): Promise<number> => {
    const client = new KafkaClient({ brokers: kafka.brokers, clientId: 'test' });
    try {
      const cluster = client.cluster(true);
      let count = 0;
      for (const extent of await extents(cluster, [topic])) {
        const range = { ...extent, from: extent.start, to: extent.end, uncommitted: true };
        for await (const record of readPartition(cluster, range)) if (!record.isControlRecord) count += 1;
      }
      return count;
    } finally {
      client.destroy();
    }
  };

  /** Another platform's producer, with kafkajs alone. */
  const foreignProducer = async (): Promise<Producer> => {
    const client = new Kafka({
      brokers: [...kafka.brokers],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 5, multiplier: 1.2, maxRetryTime: 20, retries: 250 },
    });
    const producer = client.producer({
      transactionalId: randomUUID(),
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    producers.push(producer);
    return producer;
  };
  const begin = async (): Promise<Transaction> => (await foreignProducer()).transaction();

  const send = (transaction: Transaction, value: string | Buffer) =>
    transaction.send({ topic, messages: [{ key: 'same', value }] });

  /** What readers without a group and a group's members receive, once the group has no lag. */
  const received = async (): Promise<{ read: readonly string[]; handled: readonly string[] }> => {
    const read: string[] = [];
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      for await (const record of log.read(topic, partition)) read.push(String(record.value));
    }
    const handled: string[] = [];
    const consumer = await log.subscribe({
      group: topic,
      topics: [topic],
      handle: async ({ records }) => void handled.push(...records.map(({ value }) => String(value))),
    });
    // Markers still follow the last committed record; they don't count as lag.
    await eventually(async () => {
      const ends = (await log.describe()).filter((each) => each.topic === topic && each.end > 0);
      const [end] = ends;
      const offsets = (await log.groupOffsets([topic])).filter((each) => each.partition === end?.partition);
      return ends.length === 1 && end?.end === offsets[0]?.committed;
    });
    await consumer.stop();
    return { read, handled };
  };

  it('hides the records of aborted transactions, including overlapping ones', async () => {
    const [early, late, good] = [await begin(), await begin(), await begin()];
    await send(early, 'aborted');
    await send(late, 'aborted');
    await send(good, 'committed');
    await send(early, 'aborted');
    // The later one ends first: kafkajs alone would deliver the first record.
    await late.abort();
    await early.abort();
    await good.commit();

    expect(await received()).toEqual({ read: ['committed'], handled: ['committed'] });
    expect(await written()).toBe(4);
  });

  it('hides two aborted transactions of one producer, but not what it commits before, between and after', async () => {
    const producer = await foreignProducer();
    for (const value of ['before', 'aborted', 'between', 'aborted', 'after']) {
      const transaction = await producer.transaction();
      await send(transaction, value);
      await send(transaction, value);
      await (value === 'aborted' ? transaction.abort() : transaction.commit());
    }

    const committed = ['before', 'before', 'between', 'between', 'after', 'after'];
    expect(await received()).toEqual({ read: committed, handled: committed });
    expect(await written()).toBe(10);
  });

  it('hides an aborted transaction, and shows a committed one, whose marker comes in the next fetch', async () => {
    // A batch that fills a fetch to the last 22 bytes; a marker takes 78.
    const filling = (text: string) => Buffer.alloc(4 * 1024 * 1024 - 100, text);
    const producer = await foreignProducer();
    const [aborted, committed] = ['aborted ', 'committed '].map(filling) as [Buffer, Buffer];
    for (const value of [aborted, committed, aborted]) {
      const transaction = await producer.transaction();
      await send(transaction, value);
      await (value === aborted ? transaction.abort() : transaction.commit());
    }
    const last = await producer.transaction();
    await send(last, 'last');
    await last.commit();

    const { read, handled } = await received();

    // Compared in one go each: Jest would print megabytes.
    for (const values of [read, handled]) {
      expect(values.map((value) => value.slice(0, 9))).toEqual(['committed', 'last']);
      expect(values[0] === committed.toString()).toBe(true);
    }
    expect(await written()).toBe(4);
  });

  it('never resumes from an older cursor: a stranger’s open transaction in the cursor topic stops it', async () => {
    const session = await log.openPublisher(topic);
    await session.publish([], '1');
    const stranger = await begin();
    await stranger.send({
      topic: `atlas.cursors.${topic}`,
      messages: [{ key: 'x', value: 'x', partition: 0 }],
    });
    // Behind the open transaction, where readers of committed records can't see it.
    await session.publish([], '2');

    await expect(log.openPublisher(topic)).rejects.toThrow(
      `Topic "atlas.cursors.${topic}" has an open transaction`,
    );
    await stranger.abort();

    expect((await log.openPublisher(topic)).cursor).toBe('2');
  });

  it('keeps platforms apart that have the same names, but other prefixes', async () => {
    const platforms = await Promise.all(
      [`${topic}.production.`, `${topic}.staging.`].map(async (prefix) => {
        const own = await KafkaEventLog.open({ brokers: kafka.brokers, clientId: 'test', prefix });
        await own.ensureTopics([{ name: 'lending.events', partitions: 2 }]);
        const handled: string[] = [];
        const consumer = await own.subscribe({
          group: 'shelves',
          topics: ['lending.events'],
          handle: async (batch) =>
            void handled.push(...batch.records.map((each) => `${batch.topic} ${each.topic} ${each.key}`)),
        });
        return { prefix, own, handled, consumer, session: await own.openPublisher('lending') };
      }),
    );
    for (const round of [1, 2]) {
      for (const { session, prefix } of platforms) {
        expect(session.cursor).toBeUndefined();
        const record = { topic: 'lending.events', headers: {}, value: Buffer.from('x') };
        await session.publish([{ ...record, key: `${prefix}${round}` }], prefix);
      }
    }

    for (const { prefix, own, handled, consumer } of platforms) {
      await eventually(() => handled.length >= 2, DEADLINE_MS);
      expect(handled.sort()).toEqual([1, 2].map((n) => `lending.events lending.events ${prefix}${n}`));
      expect(consumer.assignment()).toEqual(['lending.events/0', 'lending.events/1']);
      await consumer.stop();
      expect((await own.describe()).map(({ topic: name }) => name)).toEqual([
        'lending.events',
        'lending.events',
      ]);
      expect(new Set((await own.groupOffsets()).map(({ group, topic: name }) => `${group} ${name}`))).toEqual(
        new Set(['shelves lending.events']),
      );
      expect((await own.openPublisher('lending')).cursor).toBe(prefix);
      await own.close();
    }
  });

  it('reads its cursor while a publisher of another source is in a transaction', async () => {
    const other = publisher('in-transaction', 5_000);
    await other.next('published');
    other.signal('SIGSTOP');

    await (await log.openPublisher(topic)).publish([], '1');

    expect((await log.openPublisher(topic)).cursor).toBe('1');
  });

  it("delivers foreign producers' records, even incomplete or oversized ones", async () => {
    const producer = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).producer({
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    const large = Buffer.alloc(2_000_000, 'x');
    await producer.connect();
    await producer.send({ topic, messages: [{ value: null, partition: 0 }] });
    await producer.send({ topic, messages: [{ key: 'large', value: large, partition: 0 }] });
    await producer.disconnect();

    const handled: ConsumedRecord[] = [];
    const consumer = await log.subscribe({
      group: topic,
      topics: [topic],
      handle: async ({ records }) => void handled.push(...records),
    });
    await eventually(() => handled.length === 2);
    await consumer.stop();

    expect(handled[0]).toMatchObject({ offset: 0, key: null, headers: {}, value: null });
    expect(handled[1]).toMatchObject({ offset: 1, key: 'large', headers: {} });
    expect(handled[1]?.value?.equals(large)).toBe(true);
  });

  it('neither loses nor duplicates records when a publisher is killed at any moment, even inside a transaction', async () => {
    for (let round = 0; round < 8; round += 1) {
      // Several requests per transaction, so that the publisher is inside one most of the time.
      const child = publisher('killed', 5_000);
      await child.next('opened');
      if (round % 2 === 0) await child.next('published');
      await setTimeout(Math.random() * 150);
      await child.end('SIGKILL');
    }
    const session = await log.openPublisher('killed');

    const committed = expectNoGapNoDuplicate(await published());

    expect(session.cursor).toBe(String(committed));
    expect(committed).toBeGreaterThan(0);
    // Some kills happened inside a transaction.
    expect(await written()).toBeGreaterThan(committed);
  });

  it('fences a publisher that was suspended while another one took over', async () => {
    for (let round = 0; round < 4; round += 1) {
      const deposed = publisher('still', 500);
      await deposed.next('published');
      await setTimeout(Math.random() * 50);
      deposed.signal('SIGSTOP');
      const successor = publisher('still', 500);
      await successor.next('published');
      deposed.signal('SIGCONT');

      await deposed.end();
      expect(deposed.lines.at(-1)).toBe('fenced');
      await successor.next('published');
      await successor.end('SIGKILL');
    }
    // Ends a transaction that the last publisher may have left open.
    const session = await log.openPublisher('still');

    expect(session.cursor).toBe(String(expectNoGapNoDuplicate(await published())));
  });

  it('recovers after the broker was paused, was stopped, and was unavailable at the start', async () => {
    const consumer = () => run('consume', kafka.brokers[0] as string, topic, topic);
    const [first, second] = [consumer(), consumer()];
    const early = publisher('steady', 10, 20);
    await early.next('published');
    await eventually(() => first.count('handled') + second.count('handled') > 0);
    const continues = async (source: Child) => {
      await source.next('published');
      const handled = () => first.count('handled') + second.count('handled');
      const before = handled();
      await eventually(() => handled() > before + 100, DEADLINE_MS);
    };

    await kafka.pause();
    await setTimeout(3_000);
    await kafka.unpause();
    await continues(early);

    await kafka.stop();
    await early.next('failed');
    await early.end('SIGKILL');
    const late = publisher('steady', 10, 20);
    const third = consumer();
    await Promise.all([late.next('failed'), third.next('failed')]);
    await kafka.start();
    // It may have joined before this process noticed that the broker was up.
    await eventually(() => third.count('joined') > 0, DEADLINE_MS);
    await continues(late);

    expect([first, second, third, late].map((child) => child.running)).toEqual([true, true, true, true]);
    await late.end('SIGKILL');
    const session = await log.openPublisher('steady');
    const last = expectNoGapNoDuplicate(await published());
    expect(session.cursor).toBe(String(last));
    // At least once: the batch that was being handled when the broker failed may be redelivered.
    await eventually(() => {
      const lines = [first, second, third].flatMap((child) => child.lines);
      const seen = new Set(
        lines.filter((line) => line.startsWith('handled')).map((line) => line.split(' ')[2]),
      );
      return seen.size === last;
    }, DEADLINE_MS);
  });

  it('does not wait for its old session to expire after the broker was killed', async () => {
    // Longer than the group waits for a member, and longer than the test timeout.
    log = await KafkaEventLog.open({
      brokers: kafka.brokers,
      clientId: 'test',
      sessionTimeoutMs: 10 * DEADLINE_MS,
    });
    let handled = 0;
    await log.subscribe({
      group: topic,
      topics: [topic],
      handle: async ({ records }) => void (handled += records.length),
    });
    publisher('steady', 10, 20);
    await eventually(() => handled > 0);

    await kafka.kill();
    await kafka.start();
    const before = handled;
    await eventually(() => handled > before, DEADLINE_MS / 2);
  });
});
