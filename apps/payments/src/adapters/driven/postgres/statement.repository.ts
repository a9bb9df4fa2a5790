import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Money } from '@atlas/kernel';
import {
  type BookDifference,
  Statement,
  type StatementPage,
  type SurplusCharge,
} from '../../../application/ports';

/** Anything younger may not have reached the other books yet. */
const SETTLES_WITHIN = `interval '5 minutes'`;

/** Charges in the provider's books that their payments don't hold, and that were not refunded. */
const UNMATCHED = `
  FROM statement_line line LEFT JOIN payment ON payment.id = line.payment_id
  WHERE line.unmatched AND payment.charge_id IS DISTINCT FROM line.charge_id
    AND NOT EXISTS (SELECT FROM statement_line refund WHERE refund.kind = 'refund' AND refund.charge_id = line.charge_id)`;

/**
 * In plain SQL: each statement compares or stores sets of rows, and both books can be large.
 */
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

  async append({ lines, next }: StatementPage): Promise<void> {
    await this.unitOfWork.manager.query(
      `WITH appended AS (
         INSERT INTO statement_line (id, kind, charge_id, reference, payment_id, amount, currency, at, unmatched)
         SELECT line.id, kind, line.charge_id, reference, line.payment_id, line.amount, line.currency, at,
           kind = 'charge' AND payment.charge_id IS DISTINCT FROM line.charge_id
         FROM (
           SELECT *, CASE WHEN pg_input_is_valid(reference, 'uuid') THEN reference::uuid END AS payment_id
           FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::timestamptz[])
             AS line (id, kind, charge_id, reference, amount, currency, at)
         ) AS line LEFT JOIN payment ON payment.id = line.payment_id
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
      ],
    );
  }

  async surplusCharges(): Promise<readonly SurplusCharge[]> {
    const rows: { charge_id: string; amount: string; currency: string }[] =
      await this.unitOfWork.manager.query(
        `SELECT line.charge_id, line.amount, line.currency ${UNMATCHED} AND payment.charge_id IS NOT NULL`,
      );
    return rows.map((row) => ({
      chargeId: row.charge_id,
      amount: Money.of(Number(row.amount), row.currency),
    }));
  }

  differences(): Promise<readonly BookDifference[]> {
    return this.unitOfWork.manager.query(
      `SELECT CASE
           WHEN payment.id IS NULL THEN 'unknown-charge'
           WHEN payment.charge_id IS NOT NULL THEN 'surplus-charge'
           ELSE 'amount' END AS kind, line.id, line.reference ${UNMATCHED}
       UNION ALL
       SELECT 'missing-charge', payment.charge_id, payment.id::text FROM payment
       WHERE payment.charge_id IS NOT NULL AND changed_at < now() - ${SETTLES_WITHIN}
         AND NOT EXISTS (SELECT FROM statement_line line WHERE line.id = payment.charge_id)
       UNION ALL
       SELECT 'missing-refund', payment.refund_id, payment.id::text FROM payment
       WHERE payment.refund_id IS NOT NULL AND changed_at < now() - ${SETTLES_WITHIN}
         AND NOT EXISTS (SELECT FROM statement_line line WHERE line.id = payment.refund_id)
       LIMIT 100`,
    );
  }
}
