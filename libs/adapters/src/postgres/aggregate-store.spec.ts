import { randomUUID } from 'node:crypto';
import { unchanged } from '@atlas/kernel';
import { type Flow, runInFlow } from '@atlas/ports/adapters';
import {
  aggregateStoreContract,
  createTestDatabase,
  Loan,
  type LoanEvent,
  publishedLoan,
  type TestDatabase,
} from '@atlas/testing';
import { type DataSource, EntitySchema } from 'typeorm';
import { SystemClock, UuidV7Generator } from '../system';
import { type AggregateMapping, AggregateStore } from './aggregate-store';
import { connectDatabase } from './data-source';
import { wholeNumber } from './entity-table';
import { PostgresOutbox } from './outbox';
import { PostgresUnitOfWork } from './unit-of-work';

interface LoanRow {
  id: string;
  weeks: number;
  /** As many as at first. */
  firstWeeks: number;
  dueAt: Date | null;
  version: number;
  flow: Flow | null;
  books: BookRow[];
}

interface BookRow {
  loanId?: string;
  position: number;
  title: string;
  loan?: LoanRow;
}

const LoanEntity = new EntitySchema<LoanRow>({
  name: 'loan',
  tableName: 'loan',
  columns: {
    id: { type: 'uuid', primary: true },
    weeks: wholeNumber,
    firstWeeks: { name: 'first_weeks', ...wholeNumber, update: false },
    dueAt: { name: 'due_at', type: 'timestamptz', nullable: true },
    version: { type: 'integer' },
    flow: { type: 'jsonb', nullable: true },
  },
  relations: { books: { type: 'one-to-many', target: 'book', inverseSide: 'loan' } },
});

const BookEntity = new EntitySchema<BookRow>({
  name: 'book',
  tableName: 'book',
  columns: {
    loanId: { name: 'loan_id', type: 'uuid', primary: true },
    position: { type: 'integer', primary: true },
    title: { type: 'text' },
  },
  relations: {
    loan: { type: 'many-to-one', target: 'loan', inverseSide: 'books', joinColumn: { name: 'loan_id' } },
  },
});

const mapping: AggregateMapping<Loan, LoanEvent, LoanRow> = {
  entity: LoanEntity,
  published: publishedLoan,
  toRow: ({ id, weeks, books, dueAt, version }) => ({
    id,
    weeks,
    firstWeeks: weeks,
    dueAt: dueAt ?? null,
    version,
    books: books.map((title, position) => ({ position, title })),
  }),
  fromRow: ({ id, weeks, books, dueAt, version }) =>
    new Loan(
      id,
      weeks,
      books.map(({ title }) => title),
      dueAt ?? undefined,
      version,
    ),
};

const TABLES = `
  CREATE TABLE loan (id uuid PRIMARY KEY, weeks bigint NOT NULL, first_weeks bigint NOT NULL, due_at timestamptz,
    version integer NOT NULL, flow jsonb);
  CREATE TABLE book (loan_id uuid NOT NULL REFERENCES loan, position integer, title text, PRIMARY KEY (loan_id, position));
`;

function storesOn(dataSource: DataSource) {
  const unitOfWork = new PostgresUnitOfWork(dataSource);
  const outbox = new PostgresOutbox(unitOfWork, new SystemClock(), new UuidV7Generator());
  return {
    unitOfWork,
    loans: new AggregateStore(unitOfWork, outbox, mapping),
    inTurn: new AggregateStore(unitOfWork, outbox, { ...mapping, turn: 'loans' }),
  };
}

const connect = (url: string) => connectDatabase({ url, entities: [LoanEntity, BookEntity] });

aggregateStoreContract('in PostgreSQL', async () => {
  const database = await createTestDatabase();
  const connections: DataSource[] = [];
  const open = async () => {
    const dataSource = await connect(database.url);
    connections.push(dataSource);
    return dataSource;
  };
  const observer = await open();
  await observer.query(TABLES);
  return {
    process: async () => storesOn(await open()),
    waiting: async () => {
      const waiting: unknown[] = await observer.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return waiting.length;
    },
    events: (loanId) =>
      observer.query(
        `SELECT aggregate_version AS "aggregateVersion", headers ->> 'ce_correlationid' AS "correlationId"
         FROM outbox WHERE aggregate_id = $1 ORDER BY id`,
        [loanId],
      ),
    close: async () => {
      for (const dataSource of connections) await dataSource.destroy();
      await database.drop();
    },
  };
});

describe('An aggregate store in PostgreSQL', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let unitOfWork: PostgresUnitOfWork;
  let loans: AggregateStore<Loan, LoanEvent, LoanRow>;

  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await connect(database.url);
    await dataSource.query(TABLES);
    ({ unitOfWork, loans } = storesOn(dataSource));
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const lend = async (): Promise<Loan> => {
    const lent = Loan.lend();
    await loans.add(lent);
    return lent.next;
  };
  const renew = (loan: Loan) => loan.renew(1);
  /** Runs `work` in one unit of work and returns the SQL statements it sent, each as its first word and its parameters. */
  const statementsOf = async (work: () => Promise<unknown>) => {
    const statements: { readonly verb: string; readonly parameters: readonly unknown[] }[] = [];
    await unitOfWork.run(async () => {
      const { manager } = unitOfWork;
      const send = manager.query.bind(manager);
      jest.spyOn(manager, 'query').mockImplementation((sql: string, parameters?: unknown) => {
        if (!sql.includes('INTO outbox')) {
          statements.push({ verb: sql.trim().split(/\s+/)[0]!, parameters: parameters as unknown[] });
        }
        return send(sql, parameters as unknown[]);
      });
      await work();
    });
    return statements;
  };
  const verbsOf = async (work: () => Promise<unknown>) => (await statementsOf(work)).map(({ verb }) => verb);

  it('stores children in order', async () => {
    const { id } = await lend();
    const shuffled = Loan.lend({ id: randomUUID() });
    await loans.add(shuffled);
    await dataSource.query('UPDATE book SET position = 9 WHERE loan_id = $1 AND position = 0', [id]);
    expect((await loans.get(id))?.books).toEqual(['Emma', 'Middlemarch']);
    expect((await loans.get(shuffled.next.id))?.books).toEqual(['Middlemarch', 'Emma']);
  });

  it('stores an aggregate without children', async () => {
    const { next } = Loan.lend();
    const empty = new Loan(next.id, next.weeks, [], undefined, 1);
    await loans.add({ next: empty, events: [] });
    expect(await loans.get(next.id)).toEqual(empty);
  });

  it('has no aggregate whose id could be none', async () => {
    expect(await loans.get('no UUID')).toBeUndefined();
    expect(await loans.get(`${randomUUID()} or longer`)).toBeUndefined();
    expect(await loans.update('no UUID', renew)).toBeUndefined();
  });

  it('loads and writes all aggregates of a unit of work with one statement each', async () => {
    const ids = [await lend(), await lend(), await lend()].map(({ id }) => id);
    const sent = await verbsOf(async () => {
      unitOfWork.announce([...ids, randomUUID(), 'no UUID']);
      for (const id of ids) await loans.update(id, renew);
      for (const id of ids) await loans.update(id, renew);
      await loans.add(Loan.lend());
      await loans.add(Loan.lend());
    });
    expect(sent).toEqual(['SELECT', 'WITH', 'UPDATE']);
    for (const id of ids) expect((await loans.get(id))?.weeks).toBe(6);
  });

  it('reads an announced aggregate under its lock, because it will probably change', async () => {
    const [first, second] = [await lend(), await lend()];
    const sent = await statementsOf(async () => {
      unitOfWork.announce([first.id, second.id]);
      expect(await loans.get(second.id)).toEqual(second);
      await loans.update(first.id, renew);
      await loans.update(second.id, renew);
    });
    expect(sent.map(({ verb }) => verb)).toEqual(['SELECT', 'UPDATE']);
    expect(new Set(sent[0]?.parameters[0] as string[])).toEqual(new Set([first.id, second.id]));
  });

  it('asks again for no aggregate that it has or knows not to exist', async () => {
    const [{ id }, none] = [await lend(), randomUUID()];
    const sent = await verbsOf(async () => {
      await loans.lock([id, none]);
      await loans.lock([none, id]);
      expect(await loans.get(none)).toBeUndefined();
      expect((await loans.get(id))?.id).toBe(id);
    });
    expect(sent).toEqual(['SELECT']);
  });

  it('writes only what changed, and never columns that are written once', async () => {
    const [{ id }, other] = [await lend(), await lend()];
    expect(await verbsOf(() => loans.update(id, unchanged))).toEqual(['SELECT']);
    const sent = await statementsOf(async () => {
      await loans.lock([id, other.id]);
      await loans.update(id, (loan) => loan.renew(7));
    });
    const [, update] = sent;
    expect(sent.map(({ verb }) => verb)).toEqual(['SELECT', 'UPDATE']);
    expect(update?.parameters[0]).toEqual([id]);
    expect(await dataSource.query('SELECT weeks, first_weeks FROM loan WHERE id = $1', [id])).toEqual([
      { weeks: '11', first_weeks: '4' },
    ]);
  });

  it('stores what caused the last change', async () => {
    const [one, other] = [{ correlationId: 'request-1' }, { correlationId: 'request-2' }];
    const { id } = await runInFlow(one, lend);
    const stored = () => dataSource.query('SELECT flow FROM loan WHERE id = $1', [id]);
    expect(await stored()).toEqual([{ flow: one }]);
    await loans.update(id, renew);
    expect(await stored()).toEqual([{ flow: one }]);
    await runInFlow(other, () => loans.update(id, renew));
    expect(await stored()).toEqual([{ flow: other }]);
  });
});
