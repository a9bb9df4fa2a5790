import type { Figure } from '@atlas/context';
import { createTestDatabase, type TestDatabase } from '@atlas/testing';
import { Client } from 'pg';
import { compareReports, reportsByFigure } from './figures';

describe('A figure that several contexts report', () => {
  let database: TestDatabase;
  let clients: Client[];

  beforeAll(async () => {
    database = await createTestDatabase();
    clients = ['lending', 'shelves', 'fees'].map(() => new Client({ connectionString: database.url }));
    for (const client of clients) {
      await client.connect();
      await client.query('BEGIN');
    }
  });
  afterAll(async () => {
    for (const client of clients ?? []) await client.end();
    await database?.drop();
  });

  const contexts = (...figures: readonly Figure[]) =>
    figures.map((figure, index) => ({
      name: ['lending', 'shelves', 'fees'][index]!,
      database: clients[index]!,
      figures: { 'books lent': figure },
    }));
  const compare = async (...figures: readonly Figure[]) => {
    const [[name, reports] = []] = [...reportsByFigure(contexts(...figures))];
    const { invariant, checked, violations } = await compareReports(name!, reports!);
    expect(invariant).toBe(`books lent: ${reports!.map(({ context }) => context).join(', ')} agree`);
    return { checked, violations: violations.map(({ subject, detail }) => `${subject}: ${detail}`) };
  };
  const values = (...rows: readonly (readonly [key: string, value: number])[]): string =>
    `SELECT * FROM (VALUES ${rows.map(([key, value]) => `('${key}', ${value})`).join()}) AS v (key, value)`;

  it('is compared key by key; a key without a row has the value 0', async () => {
    expect(
      await compare(
        { sql: values(['Emma', 2], ['Ivanhoe', 1], ['Ulysses', 0]) },
        { sql: values(['Emma', 2], ['Middlemarch', 3]) },
      ),
    ).toEqual({
      checked: 4,
      violations: ['Ivanhoe: lending has 1, shelves has 0', 'Middlemarch: lending has 0, shelves has 3'],
    });
  });

  it('may be at least or at most what a context knows of', async () => {
    expect(
      await compare(
        { sql: values(['Emma', 1], ['Ivanhoe', 3]), bound: 'at least' },
        { sql: values(['Emma', 2], ['Ivanhoe', 2], ['Ulysses', 1]) },
        { sql: values(['Emma', 9], ['Ivanhoe', 2]), bound: 'at most' },
      ),
    ).toEqual({
      checked: 3,
      violations: [
        'Ivanhoe: lending has at least 3, shelves has 2, fees has at most 2',
        'Ulysses: lending has at least 0, shelves has 1, fees has at most 0',
      ],
    });
  });

  it('may have many keys, in any script', async () => {
    // UTF-16 would put the second before the first.
    const scripts = `SELECT '\uffe6' AS key, 1 AS value UNION ALL SELECT '\u{1f4da}', 1`;
    const many = (value: string) =>
      `SELECT n::text AS key, ${value} AS value FROM generate_series(1, 5000) AS n UNION ALL ${scripts}`;
    expect(await compare({ sql: many('n') }, { sql: many('CASE n WHEN 4321 THEN 0 ELSE n END') })).toEqual({
      checked: 5_002,
      violations: ['4321: lending has 4321, shelves has 0'],
    });
  });

  it('needs two that report it', () => {
    expect(() => reportsByFigure(contexts({ sql: values(['Emma', 1]) }))).toThrow(
      'Only lending reports the figure "books lent" to the audit',
    );
  });
});
