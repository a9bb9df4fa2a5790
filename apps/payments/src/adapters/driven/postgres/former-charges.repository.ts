import { Money } from '@atlas/kernel';
import type { DataSource } from 'typeorm';
import { type FormerCharge, FormerCharges } from '../../../application/ports';

interface FormerChargeRow {
  readonly payment_id: string;
  readonly amount: string;
  readonly currency: string;
  readonly payment_token: string;
  readonly charge_id: string | null;
  readonly refund_id: string | null;
  readonly declined: string | null;
}

export class PostgresFormerCharges extends FormerCharges {
  constructor(private readonly dataSource: DataSource) {
    super();
  }

  async next(limit: number): Promise<readonly FormerCharge[]> {
    const rows: FormerChargeRow[] = await this.dataSource.query(
      `SELECT former_charge.*, amount, currency, payment_token
       FROM former_charge JOIN payment ON payment.id = payment_id ORDER BY payment_id LIMIT $1`,
      [limit],
    );
    return rows.map((row) => ({
      paymentId: row.payment_id,
      amount: Money.of(Number(row.amount), row.currency),
      paymentToken: row.payment_token,
      chargeId: row.charge_id ?? undefined,
      refundId: row.refund_id ?? undefined,
      declined: row.declined ?? undefined,
    }));
  }

  async remove(charges: readonly FormerCharge[]): Promise<void> {
    await this.dataSource.query('DELETE FROM former_charge WHERE payment_id = ANY ($1)', [
      charges.map(({ paymentId }) => paymentId),
    ]);
  }
}
