import { createTestDatabase, eventually, publish, type TestDatabase } from '@atlas/testing';
import { LogDatabase, type Query } from './database';
import { EmbeddedEventLog } from './event-log';
import { Retention } from './retention';

const HOUR_MS = 3_600_000;
/** Run with 1000000 to see that it makes no difference. */
const HISTORY = Number(process.env['ATLAS_TEST_HISTORY'] ?? 100_000);

/** Counts the blocks that deletions read. */
class ExplainedDatabase extends LogDatabase {
  readonly blocks: number[] = [];

  override transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    return super.transaction((query) =>
      work(async <Row>(sql: string, values?: readonly unknown[]) => {
        if (!sql.includes('DELETE')) return query<Row>(sql, values);
        const [row] = await query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
          `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`,
          values,
        );
        const plan = row!['QUERY PLAN'][0].Plan;
        this.blocks.push(plan['Shared Hit Blocks']! + plan['Shared Read Blocks']!);
        return [];
      }),
    );
  }
}

describe('The retention of the embedded log', () => {
  const topic = 'lending.events';
  let database: TestDatabase;
  let log: EmbeddedEventLog;
  let own: ExplainedDatabase;

  beforeEach(async () => {
    database = await createTestDatabase();
    log = await EmbeddedEventLog.open(database.url, { retentionMs: HOUR_MS });
    await log.ensureTopics([{ name: topic, partitions: 1 }]);
    own = new ExplainedDatabase(database.url, 1, () => undefined);
  });
  afterEach(async () => {
    await log.close();
    await own.close();
    await database.drop();
  });

  const append = async (count: number): Promise<void> => {
    const records = Array.from({ length: count }, (_, n) => ({
      topic,
      key: `${n}`,
      headers: {},
      value: Buffer.from(`${n}`),
    }));
    await publish(log, ...records);
  };
  const age = (hours: number, condition: string) =>
    own.query(
      `UPDATE log_record SET recorded_at = recorded_at - make_interval(hours => $1) WHERE ${condition}`,
      [hours],
    );
  const offsets = async (from?: number): Promise<number[]> => {
    const found: number[] = [];
    for await (const { offset } of log.read(topic, 0, from)) found.push(offset);
    return found;
  };
  const prune = async (): Promise<number> => {
    const plain = new LogDatabase(database.url, 1, () => undefined);
    const deleted = await new Retention(plain, () => undefined).prune();
    await plain.close();
    return deleted;
  };

  it('deletes what is older, chunk by chunk, and the log starts after it', async () => {
    await append(5_000);
    await age(2, '"offset" < 4998');

    expect(await prune()).toBe(4_998);

    expect(await log.describe()).toMatchObject([{ topic, partition: 0, start: 4_998, end: 5_000 }]);
    expect(await offsets()).toEqual([4_998, 4_999]);
    expect(await prune()).toBe(0);
    await append(1);
    expect(await offsets(5_000)).toEqual([5_000]);
  });

  it('leaves no gap behind a younger record, and keeps what has no retention', async () => {
    await append(10);
    await age(2, '"offset" <> 3');
    expect(await prune()).toBe(3);
    expect(await offsets()).toEqual([3, 4, 5, 6, 7, 8, 9]);

    const withoutRetention = await EmbeddedEventLog.open(database.url);
    await withoutRetention.ensureTopics([{ name: topic, partitions: 1 }]);
    await age(2, 'true');
    expect(await prune()).toBe(0);
    expect(await withoutRetention.redeliveryWindowMs([topic])).toBe(Infinity);
    await withoutRetention.close();
  });

  it('starts by itself where records are published', async () => {
    await append(3);
    await age(2, '"offset" < 2');
    await log.close();
    log = await EmbeddedEventLog.open(database.url, { retentionMs: HOUR_MS });
    const session = await log.openPublisher('lending');
    await eventually(async () => (await log.describe())[0]?.start === 2);
    await session.close();
  });

  it('bounds for how long records are delivered again, by their true age if need be', async () => {
    await append(2);
    expect(await log.redeliveryWindowMs([topic])).toBe(2 * HOUR_MS);
    await age(48, '"offset" = 0');
    expect(await log.redeliveryWindowMs([topic])).toBeGreaterThanOrEqual(48 * HOUR_MS);
    await prune();
    expect(await log.redeliveryWindowMs([topic])).toBe(2 * HOUR_MS);
  });

  it('costs no more for a long log', async () => {
    await own.query(
      `INSERT INTO log_record SELECT id, n, 'key', '{}', 'value', now() - interval '2 hours' * (n < 3000)::integer
       FROM topic_partition, generate_series(0, $1::bigint - 1) AS n`,
      [HISTORY],
    );
    await own.query('UPDATE topic_partition SET end_offset = $1', [HISTORY]);
    const explained = new Retention(own, () => undefined);

    // Explained, a chunk yields nothing, so each round is one.
    for (let round = 0; round < 3; round += 1) await explained.prune();

    expect((await log.describe())[0]).toMatchObject({ start: 3_000, end: HISTORY });
    expect(own.blocks).toHaveLength(3);
    // Per record that is deleted or looked at, a few blocks at most.
    expect(Math.max(...own.blocks)).toBeLessThan(5 * 2_000);
  }, 120_000);
});
