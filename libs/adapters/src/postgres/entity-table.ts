import type { EntityMetadata, EntitySchema, ObjectLiteral, ValueTransformer } from 'typeorm';
import type { PostgresUnitOfWork } from './unit-of-work';

/** What statements need to know about a column: its property, name, type and value conversion. */
interface Column {
  readonly property: string;
  readonly name: string;
  readonly type: string;
  readonly isKey: boolean;
  readonly isInserted: boolean;
  readonly isUpdated: boolean;
  readonly transformers: readonly ValueTransformer[];
}

/** A table whose rows belong to a row of another table, such as order lines. */
interface Children {
  readonly property: string;
  readonly table: Table;
  /** The property that holds the parent row's key. */
  readonly parent: string;
}

interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly children: readonly Children[];
}

export interface RowLock {
  /** Skips locked rows instead of waiting for them. */
  readonly skipLocked: boolean;
}

type AnyRow = Readonly<Record<string, unknown>>;

/**
 * Multi-row statements derived from a TypeORM entity, so that columns are mapped in one place only. A statement takes
 * one array per column (`unnest`), so its text doesn't depend on the number of rows. Children (one-to-many) are loaded
 * and inserted with their parent, and never change.
 */
export class EntityTable<Row extends ObjectLiteral> {
  private cached: Table | undefined;

  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    private readonly entity: EntitySchema<Row>,
  ) {}

  /** The PostgreSQL type of the single-column primary key. */
  get keyType(): string {
    return this.key.type;
  }

  get hasFlow(): boolean {
    return this.table.columns.some(({ property }) => property === 'flow');
  }

  /** Locks in key order, so that two units of work with the same rows can't deadlock. */
  byKeys(keys: readonly string[], lock: RowLock | undefined): Promise<Row[]> {
    const { name, type } = this.key;
    return this.select(`WHERE ${name} = ANY ($1::${type}[]) ORDER BY ${name}`, [keys], lock);
  }

  /** The rows whose `dueAt` is not later than `now`, the longest overdue first. */
  due(now: Date, limit: number, lock: RowLock): Promise<Row[]> {
    const name = this.columnOf('dueAt').name;
    return this.select(`WHERE ${name} <= $1 ORDER BY ${name} LIMIT $2`, [now, limit], lock);
  }

  async insert(rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    const { table } = this;
    const parameters: unknown[][] = [];
    const children = table.children.flatMap(({ table: childTable, property, parent }) => {
      const childRows = rows.flatMap((row) =>
        (row[property] as AnyRow[]).map((child) => ({
          ...child,
          [parent]: row[this.key.property] as unknown,
        })),
      );
      return childRows.length === 0 ? [] : [{ childTable, childRows }];
    });
    const statements = [
      insertInto(table, rows, parameters),
      ...children.map(({ childTable, childRows }) => insertInto(childTable, childRows, parameters)),
    ];
    const last = statements.pop();
    const before = statements.map((statement, index) => `part_${index} AS (${statement})`);
    await this.query(`${before.length > 0 ? `WITH ${before.join(', ')} ` : ''}${last}`, parameters);
  }

  /** Updates the mutable columns. */
  async update(rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    const { name: table, columns } = this.table;
    const { name: key } = this.key;
    const changing = columns.filter(({ isUpdated, isKey }) => isUpdated && !isKey);
    const given = columns.filter((column) => column.isKey || changing.includes(column));
    await this.query(
      `UPDATE ${table} SET ${changing.map(({ name }) => `${name} = given.${name}`).join(', ')}
       FROM unnest(${given.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ')})
         AS given (${given.map(({ name }) => name).join(', ')})
       WHERE ${table}.${key} = given.${key}`,
      given.map((column) => valuesOf(column, rows)),
    );
  }

  private async select(where: string, parameters: unknown[], lock: RowLock | undefined): Promise<Row[]> {
    const { name, columns, children } = this.table;
    const selected = [
      ...columns.map((column) => `${column.name} AS "${column.property}"`),
      ...children.map((child) => `${this.selectChildren(child)} AS "${child.property}"`),
    ];
    const locking = lock ? ` FOR UPDATE${lock.skipLocked ? ' SKIP LOCKED' : ''}` : '';
    const rows: AnyRow[] = await this.query(
      `SELECT ${selected.join(', ')} FROM ${name} ${where}${locking}`,
      parameters,
    );
    return rows.map((row) => ({
      ...read(columns, row),
      ...Object.fromEntries(
        children.map(({ property, table }) => [
          property,
          (row[property] as AnyRow[]).map((child) => read(table.columns, child)),
        ]),
      ),
    })) as unknown as Row[];
  }

  private selectChildren({ table, parent }: Children): string {
    const own = table.columns.filter(({ property }) => property !== parent);
    const fields = own.map(({ property, name }) => `'${property}', ${name}`).join(', ');
    const order = own.filter(({ isKey }) => isKey).map(({ name }) => name);
    const foreignKey = table.columns.find(({ property }) => property === parent)?.name;
    return `(SELECT coalesce(json_agg(json_build_object(${fields}) ORDER BY ${order.join(', ')}), '[]')
      FROM ${table.name} WHERE ${foreignKey} = ${this.table.name}.${this.key.name})`;
  }

  private query<Result>(sql: string, parameters: readonly unknown[]): Promise<Result> {
    return this.unitOfWork.manager.query<Result>(sql, [...parameters]);
  }

  private get key(): Column {
    const [key, ...more] = this.table.columns.filter(({ isKey }) => isKey);
    if (!key || more.length > 0)
      throw new Error(`${this.table.name} must have one column as its primary key`);
    return key;
  }

  private columnOf(property: string): Column {
    const column = this.table.columns.find((each) => each.property === property);
    if (!column) throw new Error(`The entity of ${this.table.name} has no property "${property}"`);
    return column;
  }

  private get table(): Table {
    return (this.cached ??= tableOf(this.unitOfWork.manager.connection.getMetadata(this.entity)));
  }
}

function tableOf(metadata: EntityMetadata): Table {
  return {
    name: metadata.tablePath,
    columns: metadata.columns.map((column) => ({
      property: column.propertyName,
      name: column.databaseName,
      type: typeof column.type === 'string' ? column.type : 'text',
      isKey: column.isPrimary,
      isInserted: column.isInsert,
      isUpdated: column.isUpdate,
      transformers: [column.transformer ?? []].flat(),
    })),
    children: metadata.oneToManyRelations.map((relation) => {
      const [joined] = relation.inverseRelation?.joinColumns ?? [];
      if (!joined)
        throw new Error(`${metadata.name}.${relation.propertyName} has no inverse side with a column`);
      return {
        property: relation.propertyName,
        table: tableOf(relation.inverseEntityMetadata),
        parent: joined.propertyName,
      };
    }),
  };
}

function insertInto({ name, columns }: Table, rows: readonly AnyRow[], parameters: unknown[][]): string {
  const inserted = columns.filter(({ isInserted }) => isInserted);
  const arrays = inserted.map((column) => `$${parameters.push(valuesOf(column, rows))}::${column.type}[]`);
  return `INSERT INTO ${name} (${inserted.map((column) => column.name).join(', ')})
    SELECT * FROM unnest(${arrays.join(', ')})`;
}

function valuesOf({ property, type, transformers }: Column, rows: readonly AnyRow[]): unknown[] {
  return rows.map((row) => {
    const value =
      transformers.reduce((given, transformer) => transformer.to(given) as unknown, row[property]) ?? null;
    return type === 'jsonb' && value !== null ? JSON.stringify(value) : value;
  });
}

const read = (columns: readonly Column[], row: AnyRow): AnyRow =>
  Object.fromEntries(
    columns.map(({ property, transformers }) => [
      property,
      transformers.reduceRight((given, transformer) => transformer.from(given) as unknown, row[property]),
    ]),
  );

/** A column of integers up to 2^53 - 1, such as minor units. The driver returns them as text by default. */
export const wholeNumber = {
  type: 'bigint',
  transformer: {
    to: (value: unknown) => value,
    from: (value: unknown) => (value === null ? null : Number(value)),
  },
} as const;
