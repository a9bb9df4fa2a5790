import { randomUUID } from 'node:crypto';
import { type Change, changed } from '@atlas/kernel';
import { runInFlow } from '@atlas/ports/adapters';
import { createTestDatabase, type TestDatabase } from '@atlas/testing';
import { type DataSource, EntitySchema } from 'typeorm';
import { type AggregateMapping, AggregateStore } from './aggregate-store';
import { connectDatabase } from './data-source';
import { wholeNumber } from './entity-table';
import { PostgresUnitOfWork } from './unit-of-work';

/** A loan of books by a library. */
class Loan {
  constructor(
    readonly id: string,
    readonly fee: number,
    readonly books: readonly string[],
    readonly dueAt: Date | undefined,
  ) {}

  charge(fee: number): Change<Loan, string> {
    return changed(new Loan(this.id, this.fee + fee, this.books, this.dueAt), 'charged');
  }

  end(): Change<Loan, string> {
    return changed(new Loan(this.id, this.fee, this.books, undefined), 'ended');
  }
}

interface LoanRow {
  id: string;
  fee: number;
  firstFee: number;
  dueAt: Date | null;
  flow?: object | null;
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
    fee: wholeNumber,
    firstFee: { name: 'first_fee', ...wholeNumber, update: false },
    dueAt: { name: 'due_at', type: 'timestamptz', nullable: true },
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

const mapping: AggregateMapping<Loan, string, LoanRow> = {
  entity: LoanEntity,
  toRow: ({ id, fee, books, dueAt }) => ({
    id,
    fee,
    firstFee: fee,
    dueAt: dueAt ?? null,
    books: books.map((title, position) => ({ position, title })),
  }),
  fromRow: ({ id, fee, books, dueAt }) =>
    new Loan(
      id,
      fee,
      books.map(({ title }) => title),
      dueAt ?? undefined,
    ),
};

const TABLES = `
  CREATE TABLE loan (id uuid PRIMARY KEY, fee bigint NOT NULL, first_fee bigint NOT NULL, due_at timestamptz, flow jsonb);
  CREATE TABLE book (loan_id uuid NOT NULL REFERENCES loan, position integer, title text, PRIMARY KEY (loan_id, position));
`;

describe('An aggregate store', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let unitOfWork: PostgresUnitOfWork;
  let loans: AggregateStore<Loan, string, LoanRow>;
  let statements: string[];

  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await connectDatabase({ url: database.url, entities: [LoanEntity, BookEntity] });
    await dataSource.query(TABLES);
    unitOfWork = new PostgresUnitOfWork(dataSource);
    loans = new AggregateStore(unitOfWork, { add: async () => undefined }, mapping);
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const loan = (dueAt?: Date) => new Loan(randomUUID(), 100, ['Middlemarch', 'Emma'], dueAt);
  const added = async (dueAt?: Date): Promise<Loan> => {
    const made = loan(dueAt);
    await loans.add(changed(made, 'lent'));
    return made;
  };
  /** Runs `work` in one unit of work and returns the SQL statements it sent. */
  const statementsOf = async (work: () => Promise<unknown>): Promise<readonly string[]> => {
    statements = [];
    await unitOfWork.run(async () => {
      const { manager } = unitOfWork;
      const send = manager.query.bind(manager);
      jest.spyOn(manager, 'query').mockImplementation((sql: string, parameters?: unknown) => {
        statements.push(sql.trim().split(/\s+/)[0]!);
        return send(sql, parameters as unknown[]);
      });
      await work();
    });
    return statements;
  };

  it('stores an aggregate and its children, in order', async () => {
    const made = await added(new Date('2026-01-01T10:00:00Z'));
    expect(await loans.get(made.id)).toEqual(made);
    expect(await loans.get(randomUUID())).toBeUndefined();
    expect(await loans.get('no UUID')).toBeUndefined();
  });

  it('loads and writes all aggregates of a unit of work with one statement each', async () => {
    const made = [await added(), await added(), await added()];
    const ids = made.map(({ id }) => id);
    const sent = await statementsOf(async () => {
      unitOfWork.announce([...ids, randomUUID(), 'no UUID']);
      for (const id of ids) await loans.update(id, (current) => current.charge(50));
      for (const id of ids) await loans.update(id, (current) => current.charge(1));
      await loans.add(changed(loan(), 'lent'));
      await loans.add(changed(loan(), 'lent'));
    });
    expect(sent).toEqual(['SELECT', 'WITH', 'UPDATE']);
    for (const id of ids) expect((await loans.get(id))?.fee).toBe(151);
  });

  it('skips unchanged aggregates, and never updates write-once columns', async () => {
    const { id } = await added();
    expect(await statementsOf(() => loans.update(id, (next) => ({ next, events: [] })))).toEqual(['SELECT']);
    await loans.update(id, (current) => current.charge(7));
    expect(await dataSource.query('SELECT fee, first_fee FROM loan WHERE id = $1', [id])).toEqual([
      { fee: '107', first_fee: '100' },
    ]);
  });

  it('shows uncommitted changes to their own unit of work only', async () => {
    const { id } = await added();
    await unitOfWork.run(async () => {
      await loans.update(id, (current) => current.charge(1));
      expect((await loans.get(id))?.fee).toBe(101);
      expect(await dataSource.query('SELECT fee FROM loan WHERE id = $1', [id])).toEqual([{ fee: '100' }]);
    });
    expect((await loans.get(id))?.fee).toBe(101);
  });

  it('serializes concurrent updates of an aggregate', async () => {
    const { id } = await added();
    await Promise.all(Array.from({ length: 20 }, () => loans.update(id, (current) => current.charge(1))));
    expect((await loans.get(id))?.fee).toBe(120);
  });

  it('rolls back everything when the unit of work fails', async () => {
    const [kept, made] = [await added(), loan()];
    const work = unitOfWork.run(async () => {
      await loans.update(kept.id, (current) => current.charge(1));
      await loans.add(changed(made, 'lent'));
      throw new Error('it fails');
    });
    await expect(work).rejects.toThrow('it fails');
    expect((await loans.get(kept.id))?.fee).toBe(100);
    expect(await loans.get(made.id)).toBeUndefined();
  });

  it('refuses to add an aggregate that already exists', async () => {
    const made = await added();
    await expect(loans.add(changed(made, 'lent'))).rejects.toThrow('duplicate key');
    const known = unitOfWork.run(async () => {
      await loans.lock([made.id]);
      await loans.add(changed(made, 'lent'));
    });
    await expect(known).rejects.toThrow(`loan ${made.id} already exists`);
  });

  it('updates due aggregates, the longest overdue first, and skips locked ones', async () => {
    const [late, later, early] = [
      await added(new Date('2025-01-02T00:00:00Z')),
      await added(new Date('2025-01-01T00:00:00Z')),
      await added(new Date('2025-02-01T00:00:00Z')),
    ];
    const now = new Date('2025-01-15T00:00:00Z');
    let dueElsewhere: readonly Loan[] = [];
    await unitOfWork.run(async () => {
      await loans.lock([later.id]);
      const other = new PostgresUnitOfWork(dataSource);
      const elsewhere = new AggregateStore(other, { add: async () => undefined }, mapping);
      dueElsewhere = await elsewhere.updateDue(now, 10, (current) => current.end());
    });
    expect(dueElsewhere.map(({ id }) => id)).toEqual([late.id]);
    const due = await loans.updateDue(now, 10, (current) => current.end());
    expect(due.map(({ id }) => id)).toEqual([later.id]);
    expect((await loans.get(early.id))?.dueAt).toEqual(early.dueAt);
  });

  it('stores what caused the last change, so that later work can refer to it', async () => {
    const flow = { correlationId: 'request-1' };
    const { id } = await runInFlow(flow, () => added());
    const kept = () => dataSource.query('SELECT flow FROM loan WHERE id = $1', [id]);
    expect(await kept()).toEqual([{ flow }]);
    await loans.update(id, (current) => current.charge(1));
    expect(await kept()).toEqual([{ flow }]);
    await runInFlow({ correlationId: 'request-2' }, () => loans.update(id, (current) => current.charge(1)));
    expect(await kept()).toEqual([{ flow: { correlationId: 'request-2' } }]);
  });
});
