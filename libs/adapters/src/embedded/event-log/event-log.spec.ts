import { partitionOf } from '@atlas/ports/adapters';
import { createTestDatabase, eventLogContract, eventually, publish, type TestDatabase } from '@atlas/testing';
import { Client } from 'pg';
import { deleteTopic } from './delete-topic';
import { EmbeddedEventLog } from './event-log';

eventLogContract('the embedded event log', async () => {
  const database = await createTestDatabase();
  return {
    connect: (onError) => EmbeddedEventLog.open(database.url, { onError }),
    deleteTopic: (name) => deleteTopic(database.url, name),
    deleteRecords: async (topic, partition, before) => {
      const client = new Client(database.url);
      await client.connect();
      await client.query(
        `DELETE FROM log_record USING topic_partition part
         WHERE partition_id = part.id AND topic = $1 AND partition = $2 AND "offset" < $3`,
        [topic, partition, before],
      );
      await client.end();
    },
    drop: () => database.drop(),
  };
});

describe('a member of the embedded event log', () => {
  const topic = 'members.events';
  /** The partition that a rebalance moves first. */
  const IN_HAND = `${topic}/0`;
  const keyOfIt = Array.from({ length: 100 }, (_, number) => `order-${number}`).find(
    (key) => partitionOf(key, 6) === 0,
  );
  let database: TestDatabase;
  let log: EmbeddedEventLog;
  let another: EmbeddedEventLog;

  beforeEach(async () => {
    database = await createTestDatabase();
    log = await EmbeddedEventLog.open(database.url);
    another = await EmbeddedEventLog.open(database.url);
    await log.ensureTopics([{ name: topic, partitions: 6 }]);
  });

  afterEach(async () => {
    await Promise.all([log.close(), another.close()]);
    await database.drop();
  });

  const record = (value: string) => ({ topic, key: keyOfIt ?? '', headers: {}, value: Buffer.from(value) });

  it('is woken by each publish: with polling alone, this many round trips would miss the deadline', async () => {
    let handled = 0;
    await log.subscribe({
      group: 'lending',
      topics: [topic],
      handle: async ({ records }) => void (handled += records.length),
    });

    for (let round = 1; round <= 150; round += 1) {
      await publish(another, record(`${round}`));
      await eventually(() => handled === round);
    }
  });

  it('keeps the partition of its current batch until that is done, while the others move immediately', async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<AbortSignal>();
    const handled: string[] = [];
    await publish(log, record('1'), record('2'));
    const first = await log.subscribe({
      group: 'lending',
      topics: [topic],
      handle: async ({ records }, signal) => {
        begun.resolve(signal);
        await gate.promise;
        handled.push(...records.map(({ value }) => `first ${String(value)}`));
      },
    });
    const signal = await begun.promise;

    const second = await another.subscribe({
      group: 'lending',
      topics: [topic],
      handle: async ({ records }) =>
        void handled.push(...records.map(({ value }) => `second ${String(value)}`)),
    });
    await eventually(() => second.assignment().length === 2);
    // The third partition of the second member.
    expect(signal.aborted).toBe(true);
    expect(first.assignment()).toContain(IN_HAND);
    gate.resolve();
    await eventually(() => second.assignment().includes(IN_HAND));
    await publish(log, record('3'));
    await eventually(() => handled.length >= 3);

    expect(handled).toEqual(['first 1', 'first 2', 'second 3']);
  });
});
