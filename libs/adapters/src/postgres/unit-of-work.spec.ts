import { randomUUID } from 'node:crypto';
import { changed } from '@atlas/kernel';
import { BookReturned, createTestDatabase, type TestDatabase } from '@atlas/testing';
import { type DataSource, EntitySchema } from 'typeorm';
import { SystemClock, UuidV7Generator } from '../system';
import { AggregateStore } from './aggregate-store';
import { AppendStore } from './append-store';
import { connectDatabase } from './data-source';
import { PostgresOutbox } from './outbox';
import { PostgresUnitOfWork } from './unit-of-work';

interface ShelfRow {
  id: string;
  books: number;
}

const Shelf = new EntitySchema<ShelfRow>({
  name: 'shelf',
  tableName: 'shelf',
  columns: { id: { type: 'uuid', primary: true }, books: { type: 'integer' } },
});

const Note = new EntitySchema<{ text: string }>({
  name: 'note',
  tableName: 'note',
  columns: { text: { type: 'text', primary: true } },
});

describe('A PostgreSQL unit of work', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let unitOfWork: PostgresUnitOfWork;

  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await connectDatabase({ url: database.url, entities: [Shelf, Note] });
    unitOfWork = new PostgresUnitOfWork(dataSource);
    await dataSource.query('CREATE TABLE account (id integer PRIMARY KEY, balance integer NOT NULL)');
    await dataSource.query('INSERT INTO account VALUES (1, 0), (2, 0)');
    await dataSource.query('CREATE TABLE shelf (id uuid PRIMARY KEY, books integer NOT NULL)');
    await dataSource.query('CREATE TABLE note (text text PRIMARY KEY)');
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

  it('writes what a writer before the commit adds, to whichever store', async () => {
    const outbox = new PostgresOutbox(unitOfWork, new SystemClock(), new UuidV7Generator());
    const notes = new AppendStore(unitOfWork, Note);
    const same = <T>(row: T): T => row;
    const shelves = new AggregateStore<ShelfRow, string, ShelfRow>(unitOfWork, outbox, {
      entity: Shelf,
      toRow: same,
      fromRow: same,
    });
    const [id, late] = [randomUUID(), randomUUID()];
    const returned = (aggregateVersion: number) =>
      outbox.add([
        {
          contract: BookReturned,
          subject: id,
          aggregateVersion,
          data: { loanId: id, condition: 'good' },
        },
      ]);

    await unitOfWork.run(async () => {
      await shelves.add(changed({ id, books: 1 }, 'made'));
      notes.append([{ text: `${id} 1` }]);
      await returned(1);
      let rounds = 0;
      unitOfWork.beforeCommit(async () => {
        if (++rounds > 2) return false;
        await shelves.save(changed({ id, books: 1 + rounds }, 'filled'));
        if (rounds === 2) await shelves.add(changed({ id: late, books: 0 }, 'made'));
        notes.append([{ text: `${id} ${1 + rounds}` }]);
        await returned(1 + rounds);
        return true;
      });
    });

    const values = async (table: string, column: string, where: string) => {
      const rows: { value: unknown }[] = await dataSource.query(
        `SELECT ${column} AS value FROM ${table} WHERE ${where} ORDER BY 1`,
      );
      return rows.map(({ value }) => value);
    };
    expect(await values('outbox', 'aggregate_version', `aggregate_id = '${id}'`)).toEqual([1, 2, 3]);
    expect(await values('note', 'text', `text LIKE '${id}%'`)).toEqual([`${id} 1`, `${id} 2`, `${id} 3`]);
    expect(await values('shelf', 'books', `id IN ('${id}', '${late}')`)).toEqual([0, 3]);
  });
});
