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

  /** Fails as PostgreSQL does when it asks the client to try again, `times` times. */
  const failing = (times: number, code: string) => {
    let attempts = 0;
    const work = unitOfWork.run(async () => {
      attempts += 1;
      unitOfWork.afterCommit(() => committed.push(attempts));
      if (attempts <= times) {
        await unitOfWork.manager.query(
          `DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '${code}'; END $$`,
        );
      }
      return attempts;
    });
    const committed: number[] = [];
    return work.then(
      (value) => ({ value, committed }),
      (error: Error) => ({ error, attempts, committed }),
    );
  };

  it.each(['40001', '40P01'])(
    'is retried if PostgreSQL asks for it with %s, and commits once',
    async (code) => {
      expect(await failing(2, code)).toEqual({ value: 3, committed: [3] });
    },
  );

  it('gives up after eight more attempts', async () => {
    const failed = await failing(Infinity, '40001');
    expect(failed).toMatchObject({ error: { message: 'again' }, attempts: 9, committed: [] });
  });

  it('keeps state for each owner and unit of work', async () => {
    const [one, other] = [{}, {}];
    const begin = jest.fn(() => ({}));
    await unitOfWork.run(async () => {
      const state = unitOfWork.local(one, begin);
      expect(unitOfWork.local(one, begin)).toBe(state);
      expect(unitOfWork.local(other, begin)).not.toBe(state);
    });
    expect(begin).toHaveBeenCalledTimes(2);
    await unitOfWork.run(async () => void unitOfWork.local(one, begin));
    expect(begin).toHaveBeenCalledTimes(3);
  });

  it('is needed to announce, to take a turn and to keep state', async () => {
    const message = 'This requires an open unit of work';
    expect(() => unitOfWork.announce([randomUUID()])).toThrow(message);
    expect(() => unitOfWork.local({}, () => 1)).toThrow(message);
    await expect(unitOfWork.takeTurn('shelf')).rejects.toThrow(message);
    expect([unitOfWork.isOpen, [...unitOfWork.announced]]).toEqual([false, []]);
    await unitOfWork.run(async () => {
      unitOfWork.announce(['a', 'b']);
      unitOfWork.announce(['b', 'c']);
      expect([unitOfWork.isOpen, [...unitOfWork.announced]]).toEqual([true, ['a', 'b', 'c']]);
    });
  });

  it('takes a turn once, however often it asks, and waits for nobody in another turn', async () => {
    const turns: string[] = [];
    const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const first = unitOfWork.run(async () => {
      await Promise.all([unitOfWork.takeTurn('a'), unitOfWork.takeTurn('a')]);
      const held: unknown[] = await unitOfWork.manager.query(
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()`,
      );
      expect(held).toHaveLength(1);
      begun.resolve();
      await over.promise;
      turns.push('first');
    });
    await begun.promise;
    await unitOfWork.run(() => unitOfWork.takeTurn('b'));
    const second = unitOfWork.run(async () => {
      await unitOfWork.takeTurn('a');
      turns.push('second');
    });
    over.resolve();
    await Promise.all([first, second]);
    expect(turns).toEqual(['first', 'second']);
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
