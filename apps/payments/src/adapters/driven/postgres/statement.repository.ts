import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Money } from '@atlas/kernel';
import { type MissingMovement, Statement, type StatementPage } from '../../../application/ports';
import type { StatementLine } from '../../../domain/statement';

interface LineRow extends Omit<StatementLine, 'amount'> {
  /** Minor units. */
  readonly amount: string;
  readonly currency: string;
}

/** why: in plain SQL, because each statement compares or stores sets of rows, and both books can be large. */
export class PostgresStatement extends Statement {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {
    super();
  }

  async position(): Promise<string | undefined> {
    const [row]: { position: string }[] = await this.unitOfWork.manager.query(
      'SELECT position FROM statement_position',
    );
    return row?.position;
  }

  async append({ lines, next }: StatementPage, unmatched: readonly string[]): Promise<void> {
    await this.unitOfWork.manager.query(
      `WITH appended AS (
         INSERT INTO statement_line (id, kind, charge_id, reference, amount, currency, at, unmatched)
         SELECT *, id = ANY ($9)
         FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::timestamptz[])
           AS line (id, kind, charge_id, reference, amount, currency, at)
         ON CONFLICT DO NOTHING
       )
       INSERT INTO statement_position (position) VALUES ($1)
       ON CONFLICT (single) DO UPDATE SET position = excluded.position`,
      [
        next,
        lines.map((line) => line.id),
        lines.map((line) => line.kind),
        lines.map((line) => line.chargeId),
        lines.map((line) => line.reference),
        lines.map((line) => line.amount.minorUnits),
        lines.map((line) => line.amount.currency),
        lines.map((line) => line.at),
        unmatched,
      ],
    );
  }

  async unmatchedCharges(): Promise<readonly StatementLine[]> {
    const rows: LineRow[] = await this.unitOfWork.manager.query(
      `SELECT id, kind, charge_id AS "chargeId", reference, amount, currency, at
       FROM statement_line line
       WHERE unmatched AND NOT EXISTS (
         SELECT FROM statement_line refund WHERE refund.kind = 'refund' AND refund.charge_id = line.charge_id)
       ORDER BY at, id`,
    );
    return rows.map(({ amount, currency, ...same }) => ({
      ...same,
      amount: Money.of(Number(amount), currency),
    }));
  }

  missing(before: Date, limit: number): Promise<readonly MissingMovement[]> {
    return this.unitOfWork.manager.query(
      `SELECT kind, moved.id, payment.id AS "paymentId"
       FROM payment, LATERAL (VALUES ('charge', charge_id), ('refund', refund_id)) AS moved (kind, id)
       WHERE changed_at < $1 AND moved.id IS NOT NULL
         AND NOT EXISTS (SELECT FROM statement_line line WHERE line.id = moved.id)
       LIMIT $2`,
      [before, limit],
    );
  }
}
