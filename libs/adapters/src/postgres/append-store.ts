import type { EntitySchema, ObjectLiteral } from 'typeorm';
import { EntityTable } from './entity-table';
import type { PostgresUnitOfWork } from './unit-of-work';

/**
 * Append-only rows, such as ledger entries. The rows of a unit of work are written in one statement just before it
 * commits.
 */
export class AppendStore<Row extends ObjectLiteral> {
  private readonly table: EntityTable<Row>;

  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    entity: EntitySchema<Row>,
  ) {
    this.table = new EntityTable(unitOfWork, entity);
  }

  /** Joins the open unit of work. The database fills columns with `insert: false`. */
  append(rows: readonly Row[]): void {
    if (rows.length === 0) return;
    this.unitOfWork
      .local(this, () => {
        const added: Row[] = [];
        this.unitOfWork.beforeCommit(async () => {
          const rows = added.splice(0);
          await this.table.insert(rows);
          return rows.length > 0;
        });
        return added;
      })
      .push(...rows);
  }
}
