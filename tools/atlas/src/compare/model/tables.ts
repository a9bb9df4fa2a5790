import { Node, SyntaxKind } from 'ts-morph';
import { parseComment, toldBy } from './comments';
import type { Column, Index, Part, Source, Table } from './model';
import type { Workspace } from './workspace';

/** A statement of a migration that the model does not understand. */
export class UnreadMigrationError extends Error {
  override readonly name = 'UnreadMigrationError';
}

/** The part of PostgreSQL's syntax tree that migrations use. */
interface Tree {
  readonly [name: string]: unknown;
}

type Draft = {
  -readonly [Field in keyof Table]: Table[Field] extends readonly (infer Item)[] ? Item[] : Table[Field];
};

/**
 * The tables that a context's migrations leave, one after the other, read by PostgreSQL's own parser.
 * @throws UnreadMigrationError for a statement about tables that this doesn't understand.
 */
export async function readTables(workspace: Workspace, folder: string): Promise<readonly Table[]> {
  const migrations = workspace
    .list(`${folder}/src/adapters/driven/postgres/migrations`)
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  if (migrations.length === 0) return [];
  const { parse, deparse } = await import('pgsql-parser');
  const tables = new Map<string, Draft>();
  for (const path of migrations) {
    for (const { text, line } of statementsOf(workspace, path)) {
      const bytes = Buffer.from(text);
      const { stmts = [] } = (await parse(text)) as unknown as { stmts?: readonly Tree[] };
      for (const { stmt, stmt_location: start = 0, stmt_len: length } of stmts) {
        const from = start as number;
        const to = length === undefined ? bytes.length : from + (length as number);
        const reader = new StatementReader(workspace, path, bytes, line, deparse);
        await reader.read(stmt as Tree, from, to, tables);
      }
    }
  }
  return [...tables.values()];
}

/** The texts that `up` sends to the database, each with the line where it begins. */
function statementsOf(workspace: Workspace, path: string): readonly { text: string; line: number }[] {
  const up = workspace
    .file(path)
    ?.getClasses()
    .flatMap((each) => each.getInstanceMethod('up') ?? []);
  return (up ?? []).flatMap((method) =>
    method
      .getDescendantsOfKind(SyntaxKind.CallExpression)
      .filter((call) => call.getExpression().getText().endsWith('.query'))
      .flatMap((call) => {
        const [text] = call.getArguments();
        return Node.isNoSubstitutionTemplateLiteral(text) || Node.isStringLiteral(text)
          ? [{ text: text.getLiteralText(), line: text.getStartLineNumber() }]
          : [];
      }),
  );
}

type Deparse = (tree: Tree) => Promise<string>;

/** Nothing that these change is in the model. */
const PASSED_OVER = new Set([
  'CreateFunctionStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'CommentStmt',
  'SelectStmt',
]);

/** The CHECK constraints of tables, by their names. */
const CHECKS = new WeakMap<Draft, Map<string, string>>();

/** White space and comments. */
const LEADING = /^(?:\s*(?:--[^\n]*\n)?)*/;

class StatementReader {
  constructor(
    private readonly workspace: Workspace,
    private readonly file: string,
    private readonly bytes: Buffer,
    private readonly firstLine: number,
    private readonly deparse: Deparse,
  ) {}

  async read(statement: Tree, from: number, to: number, tables: Map<string, Draft>): Promise<void> {
    const [[kind, body] = ['', {}]] = Object.entries(statement) as [string, Tree][];
    const about = { ...this.toldBefore(from), source: this.sourceOf(from, to) };
    const tableOf = (name: string) => {
      const table = tables.get(name);
      if (!table) throw this.unread(`${kind} of the table ${name}, which no earlier migration creates`);
      return table;
    };
    switch (kind) {
      case 'CreateStmt': {
        const table = await this.create(body, about);
        tables.set(table.name, table);
        return;
      }
      case 'IndexStmt':
        tableOf(relationOf(body)).indexes.push(await this.index(body, about));
        return;
      case 'CreateTrigStmt':
        tableOf(relationOf(body)).triggers.push({ ...about, name: body['trigname'] as string });
        return;
      case 'AlterTableStmt':
        for (const { AlterTableCmd: command } of body['cmds'] as { AlterTableCmd: Tree }[]) {
          await this.alter(tableOf(relationOf(body)), command, from, to);
        }
        return;
      case 'DropStmt':
        for (const object of body['objects'] as Tree[])
          drop(tables, body['removeType'] as string, nameIn(object));
        return;
      default:
        if (!PASSED_OVER.has(kind)) throw this.unread(kind);
    }
  }

  private async create(body: Tree, about: Omit<Part, 'name'>): Promise<Draft> {
    const table: Draft = {
      ...about,
      name: relationOf(body),
      columns: [],
      primaryKey: [],
      checks: [],
      uniques: [],
      references: [],
      indexes: [],
      triggers: [],
      options: ((body['options'] as { DefElem: Tree }[] | undefined) ?? []).map(
        ({ DefElem: { defname, arg } }) => `${defname as string}=${valueOf(arg as Tree)}`,
      ),
    };
    for (const element of body['tableElts'] as Tree[]) {
      if (element['ColumnDef']) await this.column(table, element['ColumnDef'] as Tree);
      else if (element['Constraint']) await this.constraint(table, element['Constraint'] as Tree, []);
    }
    return table;
  }

  private async column(table: Draft, body: Tree): Promise<void> {
    const name = body['colname'] as string;
    const constraints = ((body['constraints'] as { Constraint: Tree }[] | undefined) ?? []).map(
      ({ Constraint }) => Constraint,
    );
    const kinds = constraints.map(({ contype }) => contype as string);
    const column: Column = {
      name,
      type: typeOf(body['typeName'] as Tree),
      nullable: !kinds.some((kind) => ['CONSTR_NOTNULL', 'CONSTR_PRIMARY', 'CONSTR_IDENTITY'].includes(kind)),
    };
    table.columns.push(column);
    for (const constraint of constraints) await this.constraint(table, constraint, [name]);
  }

  /** @param own the column that it belongs to, if it belongs to one. */
  private async constraint(table: Draft, body: Tree, own: readonly string[]): Promise<void> {
    const columns = (field: string) => ((body[field] as Tree[] | undefined) ?? []).map(nameIn);
    switch (body['contype']) {
      case 'CONSTR_PRIMARY': {
        table.primaryKey = own.length > 0 ? [...own] : columns('keys');
        table.columns = table.columns.map((each) =>
          table.primaryKey.includes(each.name) ? { ...each, nullable: false } : each,
        );
        return;
      }
      case 'CONSTR_UNIQUE':
        table.uniques.push(own.length > 0 ? own : columns('keys'));
        return;
      case 'CONSTR_CHECK':
        return this.check(table, body, own);
      case 'CONSTR_FOREIGN':
        table.references.push({
          columns: own.length > 0 ? own : columns('fk_attrs'),
          table: (body['pktable'] as Tree)['relname'] as string,
        });
    }
  }

  /** Remembers the name that PostgreSQL gives it, by which a later migration may drop it. */
  private async check(table: Draft, body: Tree, own: readonly string[]): Promise<void> {
    const text = await this.deparse(body['raw_expr'] as Tree);
    const names = CHECKS.get(table) ?? new Map<string, string>();
    CHECKS.set(table, names);
    const name = (body['conname'] as string | undefined) ?? [table.name, ...own, 'check'].join('_');
    const taken = [...names.keys()].filter((each) => each.startsWith(name)).length;
    names.set(taken === 0 ? name : `${name}${taken}`, text);
    table.checks.push(text);
  }

  private async index(body: Tree, about: Omit<Part, 'name'>): Promise<Index> {
    const columns: string[] = [];
    for (const { IndexElem: element } of body['indexParams'] as { IndexElem: Tree }[]) {
      const expression = element['expr'] as Tree | undefined;
      columns.push(expression ? await this.deparse(expression) : (element['name'] as string));
    }
    const where = body['whereClause'] as Tree | undefined;
    return {
      ...about,
      name: body['idxname'] as string,
      columns,
      unique: body['unique'] === true,
      ...(where && { where: await this.deparse(where) }),
    };
  }

  private async alter(table: Draft, command: Tree, from: number, to: number): Promise<void> {
    const name = command['name'] as string;
    const definition = command['def'] as Tree | undefined;
    const change = (column: Partial<Column>) => {
      table.columns = table.columns.map((each) => (each.name === name ? { ...each, ...column } : each));
    };
    switch (command['subtype']) {
      case 'AT_AddColumn':
        return this.column(table, definition?.['ColumnDef'] as Tree);
      case 'AT_DropColumn':
        table.columns = table.columns.filter((each) => each.name !== name);
        return;
      case 'AT_AddConstraint':
        return this.constraint(table, definition?.['Constraint'] as Tree, []);
      case 'AT_DropConstraint': {
        const text = CHECKS.get(table)?.get(name);
        if (text === undefined)
          throw this.unread(`DROP CONSTRAINT ${name}, which is no CHECK of ${table.name}`);
        CHECKS.get(table)?.delete(name);
        table.checks = table.checks.filter((each) => each !== text);
        return;
      }
      case 'AT_SetNotNull':
        return change({ nullable: false });
      case 'AT_DropNotNull':
        return change({ nullable: true });
      case 'AT_AlterColumnType':
        return change({ type: typeOf((definition?.['ColumnDef'] as Tree)['typeName'] as Tree) });
      case 'AT_ColumnDefault':
        return;
      default:
        throw this.unread(this.bytes.toString('utf8', from, to).trim());
    }
  }

  /** The comment that touches the statement; whether its tree begins before the comment depends on the parser. */
  private toldBefore(from: number): Pick<Part, 'says' | 'why'> {
    const begin = from + (LEADING.exec(this.bytes.toString('latin1', from))?.[0].length ?? 0);
    const [comment = ''] = /(?:[ \t]*--[^\n]*\n)*[ \t]*$/.exec(this.bytes.toString('utf8', 0, begin)) ?? [];
    return toldBy(this.workspace, parseComment(comment));
  }

  private sourceOf(from: number, to: number): Source {
    const before = this.bytes.toString('utf8', 0, from);
    const text = this.bytes.toString('utf8', from, to);
    const code = LEADING.exec(text)?.[0] ?? '';
    const line = this.firstLine + linesIn(before) + linesIn(code);
    return { file: this.file, line, endLine: line + linesIn(text.slice(code.length).trimEnd()) };
  }

  private unread(what: string): UnreadMigrationError {
    return new UnreadMigrationError(`${this.file}: "atlas compare" does not understand ${what}`);
  }
}

const linesIn = (text: string): number => text.split('\n').length - 1;

const relationOf = (body: Tree): string => (body['relation'] as Tree)['relname'] as string;

function drop(tables: Map<string, Draft>, kind: string, name: string): void {
  if (kind === 'OBJECT_TABLE') tables.delete(name);
  if (kind !== 'OBJECT_INDEX') return;
  for (const table of tables.values()) table.indexes = table.indexes.filter((each) => each.name !== name);
}

/** The last name in `a.b.c`. */
function nameIn(node: Tree): string {
  const list = node['List'] as { items: Tree[] } | undefined;
  const last = list ? list.items.at(-1) : node;
  return (last?.['String'] as { sval: string } | undefined)?.sval ?? '';
}

function valueOf(node: Tree): string {
  const [value] = Object.values(node) as Record<string, string | number | boolean>[];
  return String(Object.values(value ?? {})[0] ?? '');
}

/** As people write them. */
const TYPES: Readonly<Record<string, string>> = {
  int8: 'bigint',
  int4: 'integer',
  int2: 'smallint',
  bool: 'boolean',
  float8: 'double precision',
};

function typeOf(type: Tree): string {
  const name = nameIn((type['names'] as Tree[]).at(-1) as Tree);
  const array = type['arrayBounds'] ? '[]' : '';
  return `${TYPES[name] ?? name}${array}`;
}
