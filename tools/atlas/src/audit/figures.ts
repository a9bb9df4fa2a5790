import { type Check, Checking, type Database, type Figure } from '@atlas/context';

/** A context's report of a figure. */
export interface Report {
  readonly context: string;
  /** In a transaction, which keeps a cursor. */
  readonly database: Database;
  readonly figure: Figure;
}

interface Entry {
  readonly key: string;
  readonly value: bigint;
}

/** What one context says of one key. */
interface Statement {
  readonly context: string;
  readonly bound: Figure['bound'];
  readonly value: bigint;
}

const PAGE = 2_000;

/** All contexts that report a figure, by its name. @throws Error if only one does, as there is nothing to compare. */
export function reportsByFigure(
  contexts: readonly {
    readonly name: string;
    readonly database: Database;
    readonly figures: Readonly<Record<string, Figure>>;
  }[],
): ReadonlyMap<string, readonly Report[]> {
  const reports = new Map<string, Report[]>();
  for (const { name: context, database, figures } of contexts) {
    for (const [name, figure] of Object.entries(figures)) {
      reports.set(name, [...(reports.get(name) ?? []), { context, database, figure }]);
    }
  }
  for (const [name, [only, another]] of reports) {
    if (only && !another) throw new Error(`Only ${only.context} reports the figure "${name}" to the audit`);
  }
  return reports;
}

/** Compares key by key. Reads all reports side by side in the order of their keys, so memory doesn't grow with them. */
export async function compareReports(name: string, reports: readonly Report[]): Promise<Check> {
  const checking = new Checking(invariantOf(name, reports));
  const streams = await Promise.all(
    reports.map(async (report) => {
      const entries = read(report)[Symbol.asyncIterator]();
      return { ...report, entries, head: await entries.next() };
    }),
  );
  for (;;) {
    const keys = streams.flatMap(({ head }) => (head.done ? [] : [head.value.key]));
    if (keys.length === 0) return checking.result;
    const key = keys.reduce((least, each) => (compareBytes(each, least) < 0 ? each : least));
    const statements: Statement[] = [];
    for (const stream of streams) {
      const { context, figure, head } = stream;
      const isHere = !head.done && head.value.key === key;
      statements.push({ context, bound: figure.bound, value: isHere ? head.value.value : 0n });
      if (isHere) stream.head = await stream.entries.next();
    }
    checking.look(key, !agree(statements) && statements.map(describe).join(', '));
  }
}

export const invariantOf = (figure: string, reports: readonly Report[]): string =>
  `${figure}: ${reports.map(({ context }) => context).join(', ')} agree`;

/** Whether some value is as all say. */
function agree(statements: readonly Statement[]): boolean {
  const least = statements.filter(({ bound }) => bound !== 'at most').map(({ value }) => value);
  const most = statements.filter(({ bound }) => bound !== 'at least').map(({ value }) => value);
  return least.every((low) => most.every((high) => low <= high));
}

const describe = ({ context, bound, value }: Statement): string =>
  `${context} has ${bound ? `${bound} ` : ''}${value}`;

/** Yields a report's entries in the byte order of their keys. */
async function* read({ database, figure }: Report): AsyncIterable<Entry> {
  await database.query(`DECLARE report NO SCROLL CURSOR FOR
    SELECT key::text COLLATE "C" AS key, value::text FROM (${figure.sql}) AS figure ORDER BY 1`);
  for (;;) {
    const { rows } = await database.query<{ key: string; value: string }>(`FETCH ${PAGE} FROM report`);
    for (const { key, value } of rows) yield { key, value: BigInt(value) };
    if (rows.length < PAGE) break;
  }
  await database.query('CLOSE report');
}

/** PostgreSQL's order of UTF-8 text under COLLATE "C"; JavaScript compares UTF-16. */
const compareBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
