import { join } from 'node:path';
import { catalogue } from '@atlas/contracts';
import type { ServiceDefinition } from '@atlas/service';
import { type Context, startContext } from '@atlas/testing/context';
import type { z } from 'zod';
import { openContexts } from '../src/compare/model/read-context';
import { projectRoot } from '../src/project-root';

/** What a running context knows of itself, beside what the model has read from its code. */

const contexts = openContexts();

async function start(name: string): Promise<Context> {
  const module = (await import(join(projectRoot(), `apps/${name}/src/${name}.app`))) as Record<
    string,
    ServiceDefinition<z.ZodRawShape>
  >;
  const [definition] = Object.values(module);
  if (!definition) throw new Error(`${name}.app.ts exports nothing`);
  return startContext(definition);
}

/** The platform's own tables, which every context has. */
const BACKBONE = `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`;

describe.each(contexts.names)('The model of %s', (name) => {
  let context: Context;
  let platform: readonly string[];

  beforeAll(async () => {
    context = await start(name);
    // Whatever the first migration of libs/adapters makes.
    const { Backbone1795737600000: backbone } = (await import(
      join(projectRoot(), 'libs/adapters/src/postgres/migrations/1-backbone')
    )) as { Backbone1795737600000: new () => { up(runner: unknown): Promise<void> } };
    const sent: string[] = [];
    await new backbone().up({ query: async (sql: string) => void sent.push(sql) });
    platform = [...sent.join('\n').matchAll(/CREATE TABLE (\w+)/g)].map(([, table]) => table as string);
  });
  afterAll(() => context.stop());

  it('has the tables and columns of the migrated database', async () => {
    const { tables } = await contexts.read(name);
    const rows = await context.query<{ table: string; column: string; type: string; nullable: boolean }>(
      `SELECT relname AS "table", attname AS "column", format_type(atttypid, atttypmod) AS type,
         NOT attnotnull AS nullable
       FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
       WHERE attnum > 0 AND NOT attisdropped AND relname IN (${BACKBONE})
         AND relname <> ALL ($1) ORDER BY 1, 2`,
      [[...platform, 'migrations']],
    );
    const read = tables.flatMap(({ name: table, columns }) =>
      columns.map(({ name: column, type, nullable }) => ({ table, column, type, nullable })),
    );
    const typed = await Promise.all(
      read.map(async (each) => {
        const [row] = await context.query<{ type: string }>('SELECT $1::regtype::text AS type', [each.type]);
        return { ...each, type: row?.type };
      }),
    );
    const sorted = (list: readonly { table: string; column: string }[]) =>
      list.toSorted((a, b) => `${a.table}.${a.column}`.localeCompare(`${b.table}.${b.column}`));
    expect(sorted(typed)).toEqual(sorted(rows));
  });

  it('has the indexes, checks and triggers of the migrated database', async () => {
    const { tables } = await contexts.read(name);
    const [counts] = await context.query<{ indexes: string[]; checks: number; triggers: string[] }>(
      `SELECT
         (SELECT coalesce(json_agg(indexrelid::regclass::text ORDER BY 1), '[]') FROM pg_index
          WHERE indrelid::regclass::text = ANY ($1)
            AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)) AS indexes,
         (SELECT count(*)::int FROM pg_constraint
          WHERE contype = 'c' AND conrelid::regclass::text = ANY ($1)) AS checks,
         (SELECT coalesce(json_agg(tgname ORDER BY 1), '[]') FROM pg_trigger
          WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY ($1)) AS triggers`,
      [tables.map((table) => table.name)],
    );
    expect({
      indexes: tables.flatMap(({ indexes }) => indexes.map((index) => index.name)).sort(),
      checks: tables.flatMap(({ checks }) => checks).length,
      triggers: tables.flatMap(({ triggers }) => triggers.map((trigger) => trigger.name)).sort(),
    }).toEqual({
      ...counts,
      indexes: [...(counts?.indexes ?? [])].sort(),
      triggers: [...(counts?.triggers ?? [])].sort(),
    });
  });

  it('has the routes of its OpenAPI document, and knows which take an idempotency key', async () => {
    const { routes } = await contexts.read(name);
    const document = await context.send('GET', '/docs-json');
    const { paths } = document.json<{
      paths: Record<string, Record<string, { parameters?: { name: string }[] }>>;
    }>();
    const served = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { parameters = [] }]) => ({
        route: `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
        idempotent: parameters.some((each) => each.name.toLowerCase() === 'idempotency-key'),
      })),
    );
    const own = routes.map((route) => ({ route: route.name, idempotent: route.idempotent }));
    const technical = /^\w+ \/(?:dead-letters|health|metrics)/;
    const sorted = (list: readonly { route: string }[]) =>
      list.toSorted((a, b) => a.route.localeCompare(b.route));
    expect(sorted(own)).toEqual(sorted(served.filter(({ route }) => !technical.test(route))));
  });

  it('has the events that the published language gives it', async () => {
    const { eventsOut } = await contexts.read(name);
    const read = eventsOut.map(({ type, version, aggregate }) => `${type} v${version} of ${aggregate}`);
    const owned = catalogue.contracts
      .filter(({ owner }) => owner === name)
      .map(({ type, version, aggregate }) => `${type} v${version} of ${aggregate}`);
    expect(read.sort()).toEqual(owned.sort());
  });
});
