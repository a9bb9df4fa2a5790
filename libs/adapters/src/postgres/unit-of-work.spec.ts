import { createTestDatabase, type TestDatabase } from '@atlas/testing';
import type { DataSource } from 'typeorm';
import { connectDatabase } from './data-source';
import { PostgresUnitOfWork } from './unit-of-work';

describe('A PostgreSQL unit of work', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let unitOfWork: PostgresUnitOfWork;

  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await connectDatabase({ url: database.url });
    unitOfWork = new PostgresUnitOfWork(dataSource);
    await dataSource.query('CREATE TABLE account (id integer PRIMARY KEY, balance integer NOT NULL)');
    await dataSource.query('INSERT INTO account VALUES (1, 0), (2, 0)');
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const add = (account: number) =>
    unitOfWork.manager.query('UPDATE account SET balance = balance + 1 WHERE id = $1', [account]);

  it('is retried after a deadlock, without lost or duplicate effects', async () => {
    let attempts = 0;
    let bothHoldOne!: () => void;
    const crossed = new Promise<void>((resolve) => (bothHoldOne = resolve));
    const transfer = (first: number, second: number) =>
      unitOfWork.run(async () => {
        await add(first);
        if (++attempts === 2) bothHoldOne();
        await crossed;
        await add(second);
      });
    await Promise.all([transfer(1, 2), transfer(2, 1)]);
    expect(attempts).toBeGreaterThan(2);
    expect(await dataSource.query('SELECT id, balance FROM account ORDER BY id')).toEqual([
      { id: 1, balance: 2 },
      { id: 2, balance: 2 },
    ]);
  });

  it('is not retried after any other statement error', async () => {
    let attempts = 0;
    const work = unitOfWork.run(() => {
      attempts++;
      return unitOfWork.manager.query('INSERT INTO account VALUES (1, 0)');
    });
    await expect(work).rejects.toThrow('duplicate key');
    expect(attempts).toBe(1);
  });
});

describe('Connecting to a database', () => {
  it('migrates it once even if several replicas start at the same time', async () => {
    const database = await createTestDatabase();
    const replicas = await Promise.all([1, 2, 3].map(() => connectDatabase({ url: database.url })));
    const rows: { name: string; times: number }[] = await replicas[0]!.query(
      'SELECT name, count(*)::integer AS times FROM migrations GROUP BY name',
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.every(({ times }) => times === 1)).toBe(true);
    for (const replica of replicas) await replica.destroy();
    await database.drop();
  });
});
