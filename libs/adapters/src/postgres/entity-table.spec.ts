import { createTestDatabase, type TestDatabase } from '@atlas/testing';
import { type DataSource, EntitySchema } from 'typeorm';
import { connectDatabase } from './data-source';
import { EntityTable, wholeNumber } from './entity-table';
import { PostgresUnitOfWork } from './unit-of-work';

interface CopyRow {
  code: string;
  /** Minor units; null: it is not for sale. */
  price: number | null;
  marks: readonly string[] | null;
  /** Filled in by the database. */
  shelf?: string;
}

const Copy = new EntitySchema<CopyRow>({
  name: 'copy',
  tableName: 'copy',
  columns: {
    code: { type: 'text', primary: true },
    price: { ...wholeNumber, nullable: true },
    marks: { type: 'jsonb', nullable: true },
    shelf: { type: 'text', insert: false },
  },
});

const TwoKeys = new EntitySchema<{ a: string; b: string }>({
  name: 'two_keys',
  tableName: 'two_keys',
  columns: { a: { type: 'text', primary: true }, b: { type: 'text', primary: true } },
});

describe('A table of an entity', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let copies: EntityTable<CopyRow>;

  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await connectDatabase({ url: database.url, entities: [Copy, TwoKeys] });
    await dataSource.query(
      `CREATE TABLE copy (code text PRIMARY KEY, price bigint, marks jsonb, shelf text NOT NULL DEFAULT 'C7')`,
    );
    copies = new EntityTable(new PostgresUnitOfWork(dataSource), Copy);
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  it('keeps numbers up to 2^53 - 1, JSON and what is missing', async () => {
    const rows: CopyRow[] = [
      { code: 'a', price: Number.MAX_SAFE_INTEGER, marks: ['read', 'torn'] },
      { code: 'b', price: null, marks: null },
    ];
    await copies.insert(rows);
    expect(await copies.byKeys(['b', 'a', 'none'], undefined)).toEqual(
      rows.map((row) => ({ ...row, shelf: 'C7' })),
    );
    expect(await dataSource.query('SELECT code FROM copy WHERE price IS NULL AND marks IS NULL')).toEqual([
      { code: 'b' },
    ]);
  });

  it('updates the rows it is given and no others', async () => {
    await copies.insert([
      { code: 'c', price: 1, marks: null },
      { code: 'd', price: 2, marks: null },
      { code: 'e', price: 3, marks: null },
    ]);
    await copies.update([
      { code: 'e', price: 30, marks: ['sold'], shelf: 'A1' },
      { code: 'c', price: 10, marks: null, shelf: 'A1' },
    ]);
    expect(await copies.byKeys(['c', 'd', 'e'], undefined)).toEqual([
      { code: 'c', price: 10, marks: null, shelf: 'A1' },
      { code: 'd', price: 2, marks: null, shelf: 'C7' },
      { code: 'e', price: 30, marks: ['sold'], shelf: 'A1' },
    ]);
  });

  it('sends nothing for no rows', async () => {
    const sent = jest.spyOn(dataSource.manager, 'query');
    await copies.insert([]);
    await copies.update([]);
    expect(sent).not.toHaveBeenCalled();
    sent.mockRestore();
  });

  it('knows whether it keeps what caused a change', () => {
    expect(copies.hasFlow).toBe(false);
    expect(copies.keyType).toBe('text');
  });

  it('refuses entities that it could not store', async () => {
    const unitOfWork = new PostgresUnitOfWork(dataSource);
    const twoKeys = new EntityTable(unitOfWork, TwoKeys);
    expect(() => twoKeys.keyType).toThrow('two_keys must have one column as its primary key');
    expect(() => copies.due(new Date(), 1, { skipLocked: true })).toThrow(
      'The entity of copy has no property "dueAt"',
    );
  });
});
