import type { EntitySchema, ObjectLiteral } from 'typeorm';
import { EntityTable } from './entity-table';
import type { PostgresUnitOfWork } from './unit-of-work';

/**
 * Rows that are only ever added, such as the entries of a ledger: those of a unit of work are written just before it
 * commits, in one statement.
 */
export class AppendStore<Row extends ObjectLiteral> {
  private readonly table: EntityTable<Row>;

  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    entity: EntitySchema<Row>,
  ) {
    this.table = new EntityTable(unitOfWork, entity);
  }

  /** Takes part in the open unit of work. Columns with `insert: false` are the database's to fill. */
  append(rows: readonly Row[]): void {
    if (rows.length === 0) return;
    this.unitOfWork
      .local(this, () => {
        const added: Row[] = [];
        this.unitOfWork.beforeCommit(() => this.table.insert(added));
        return added;
      })
      .push(...rows);
  }
}
