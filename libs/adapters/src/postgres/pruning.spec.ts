import { createTestDatabase, type TestDatabase } from '@atlas/testing';
import type { DataSource } from 'typeorm';
import { connectDatabase } from './data-source';
import { PostgresIdempotencyStore } from './idempotency-store';
import { PostgresInbox } from './inbox';
import { PostgresUnitOfWork } from './unit-of-work';

/** Run with 1000000 to see that it makes no difference. */
const HISTORY = Number(process.env['ATLAS_TEST_HISTORY'] ?? 100_000);
const DAY_MS = 86_400_000;
const PAGE = 100;
/** A descent of an index and a page of it, and of the table what is deleted: far less than the whole. */
const BLOCKS = 6 * PAGE;

/** Explains each statement instead of running it, although with its effect. */
class ExplainedUnitOfWork extends PostgresUnitOfWork {
  blocks = 0;

  constructor(private readonly explained: DataSource) {
    super(explained);
  }

  override get manager() {
    const query = async (sql: string, parameters: unknown[]) => {
      const [{ 'QUERY PLAN': plans }]: [{ 'QUERY PLAN': [{ Plan: Plan }] }] = await this.explained.query(
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`,
        parameters,
      );
      const { Plan: plan } = plans[0];
      this.blocks = plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
      return [[], 0];
    };
    return { query } as unknown as PostgresUnitOfWork['manager'];
  }
}

interface Plan {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
}

describe('Pruning', () => {
  let database: TestDatabase;
  let dataSource: DataSource;

  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await connectDatabase({ url: database.url, statementTimeoutMs: 120_000 });
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const count = async (sql: string): Promise<number> => {
    const [row]: [{ count: number }] = await dataSource.query(
      `SELECT count(*)::integer AS count FROM ${sql}`,
    );
    return row.count;
  };

  it('finds what the inbox may forget without reading what it must remember', async () => {
    // As after a long time: rows stand where space was, so times are spread over the table.
    await dataSource.query(
      `INSERT INTO inbox SELECT 'lending', gen_random_uuid(), now() - random() * interval '6 days'
       FROM generate_series(1, $1)`,
      [HISTORY],
    );
    await dataSource.query(
      `UPDATE inbox SET handled_at = now() - interval '8 days'
       WHERE event_id IN (SELECT event_id FROM inbox ORDER BY event_id LIMIT 150)`,
    );
    await dataSource.query('ANALYZE inbox');
    const explained = new ExplainedUnitOfWork(dataSource);
    const inbox = new PostgresInbox(explained);

    const costs: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      await inbox.prune('lending', 7 * DAY_MS, PAGE);
      costs.push(explained.blocks);
    }

    expect(await count('inbox')).toBe(HISTORY - 150);
    expect(Math.max(...costs)).toBeLessThan(BLOCKS);
  }, 120_000);

  it('finds expired answers without reading the others', async () => {
    await dataSource.query(
      `INSERT INTO idempotency_key (scope, key, fingerprint, status, headers, expires_at)
       SELECT 'POST /loans', n, '', 201, '{}', now() + interval '1 hour' + random() * interval '1 day' FROM generate_series(1, $1) AS n`,
      [HISTORY],
    );
    await dataSource.query(
      `UPDATE idempotency_key SET expires_at = now() - interval '1 hour' WHERE key::integer % $1 = 0`,
      [Math.floor(HISTORY / 150)],
    );
    const expired = await count('idempotency_key WHERE expires_at <= now()');
    await dataSource.query('ANALYZE idempotency_key');
    const explained = new ExplainedUnitOfWork(dataSource);
    const store = new PostgresIdempotencyStore(explained);

    const costs: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      await store.prune(PAGE);
      costs.push(explained.blocks);
    }

    expect(await count('idempotency_key')).toBe(HISTORY - expired);
    expect(Math.max(...costs)).toBeLessThan(BLOCKS);
  }, 120_000);
});
