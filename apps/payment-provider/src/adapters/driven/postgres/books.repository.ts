import { Money } from '@atlas/kernel';
import type { DataSource } from 'typeorm';
import { type BookPage, Books } from '../../../application/ports';
import {
  type BookEntry,
  type Charge,
  type KeyedResult,
  type Refund,
  repeatedCharge,
  repeatedRefund,
  type RefundRequest,
  type RefundResult,
} from '../../../domain/charge';

interface ChargeRow {
  readonly id: string;
  readonly reference: string;
  readonly amount: string;
  readonly currency: string;
  readonly source: string;
  readonly declined: string | null;
  readonly created_at: Date;
}

interface RefundRow {
  readonly id: string;
  readonly key: string;
  readonly charge_id: string;
  readonly amount: string;
  readonly currency: string;
  readonly created_at: Date;
}

interface ChargeWithRefundRow extends ChargeRow {
  readonly refund_id: string | null;
  readonly refunded_at: Date | null;
}

interface EntryRow extends Omit<BookEntry, 'amount' | 'chargeId'> {
  readonly charge_id: string;
  readonly amount: string;
  readonly currency: string;
  readonly position: string;
}

const START = '0.0';

/**
 * Each request is one statement, which commits by itself. It claims its key by an advisory lock, so that a concurrent
 * request with the same key is refused instead of waiting. One that committed after this statement's snapshot is not
 * visible to it, but violates the unique key: that counts as in progress, too.
 *
 * why: in plain SQL, because a statement of its own is the whole protocol; there is no aggregate to load.
 */
export class PostgresBooks extends Books {
  constructor(private readonly dataSource: DataSource) {
    super();
  }

  async addCharge(key: string, charge: Charge): Promise<KeyedResult<Charge>> {
    const { id, reference, amount, source, declined, createdAt } = charge;
    const [row]: (ChargeRow & { isNew: boolean })[] = await this.dataSource.query(
      `WITH claim AS (
         SELECT pg_try_advisory_xact_lock(hashtextextended('charge ' || $2, 0)) AS claimed
       ), known AS (
         SELECT * FROM charge WHERE key = $2
       ), made AS (
         INSERT INTO charge (id, key, reference, amount, currency, source, declined, created_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8 FROM claim WHERE claimed AND NOT EXISTS (SELECT FROM known)
         ON CONFLICT (key) DO NOTHING RETURNING *
       ), booked AS (
         INSERT INTO book_entry (id, kind, charge_id, reference, amount, currency, at)
         SELECT id, 'charge', id, reference, amount, currency, created_at FROM made WHERE declined IS NULL
       )
       SELECT true AS "isNew", * FROM made UNION ALL SELECT false, * FROM known`,
      [id, key, reference, amount.minorUnits, amount.currency, source, declined ?? null, createdAt],
    );
    if (!row) return { kind: 'in-progress' };
    const value = toCharge(row);
    return row.isNew ? { kind: 'created', value } : repeatedCharge(charge, value);
  }

  async addRefund(key: string, refund: RefundRequest): Promise<RefundResult> {
    const { id, chargeId, createdAt } = refund;
    const [row]: ({ chargeExists: boolean; isNew: boolean | null } & RefundRow)[] =
      await this.dataSource.query(
        `WITH claim AS (
         SELECT pg_try_advisory_xact_lock(hashtextextended('refund ' || $3, 0)) AS claimed
       ), target AS (
         SELECT * FROM charge WHERE id = $3 AND declined IS NULL
       ), known AS (
         SELECT * FROM refund WHERE key = $2 OR charge_id = $3
       ), made AS (
         INSERT INTO refund (id, key, charge_id, amount, currency, created_at)
         SELECT $1, $2, $3, amount, currency, $4 FROM target, claim
         WHERE claimed AND NOT EXISTS (SELECT FROM known)
         ON CONFLICT DO NOTHING RETURNING *
       ), booked AS (
         INSERT INTO book_entry (id, kind, charge_id, reference, amount, currency, at)
         SELECT made.id, 'refund', made.charge_id, target.reference, made.amount, made.currency, made.created_at
         FROM made, target
       ), found AS (
         SELECT true AS "isNew", * FROM made UNION ALL SELECT false, * FROM known
       )
       SELECT EXISTS (SELECT FROM target) AS "chargeExists", found.*
       FROM (VALUES (true)) AS always LEFT JOIN found ON true
       -- A refund with this key comes first.
       ORDER BY found.key = $2 DESC NULLS LAST LIMIT 1`,
        [id, key, chargeId, createdAt],
      );
    if (!row || row.isNew === null) {
      return row?.chargeExists ? { kind: 'in-progress' } : { kind: 'no-such-charge' };
    }
    const value = toRefund(row);
    return row.isNew
      ? { kind: 'created', value }
      : repeatedRefund({ ...refund, key }, { ...value, key: row.key });
  }

  async getCharge(chargeId: string): Promise<Charge | undefined> {
    const [charge] = await this.select('charge.id = $1', chargeId);
    return charge;
  }

  listCharges(reference: string): Promise<readonly Charge[]> {
    return this.select('charge.reference = $1', reference);
  }

  /**
   * In the order of transactions, and only those below any that is still open: whatever appears later comes after them.
   * A refund's transaction starts to write after its charge's has ended, so it follows the charge.
   */
  async listEntries(after: string | undefined, limit: number): Promise<BookPage> {
    const from = after ?? START;
    const [xid, sequence] = from.split('.');
    const rows: EntryRow[] = await this.dataSource.query(
      `SELECT id, kind, charge_id, reference, amount, currency, at, xid::text || '.' || sequence AS position
       FROM book_entry
       WHERE (xid, sequence) > ($1::xid8, $2::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot())
       ORDER BY xid, sequence LIMIT $3`,
      [xid, sequence, limit],
    );
    return { entries: rows.map(toEntry), next: rows.at(-1)?.position ?? from };
  }

  private async select(condition: string, parameter: string): Promise<readonly Charge[]> {
    const rows: ChargeWithRefundRow[] = await this.dataSource.query(
      `SELECT charge.*, refund.id AS refund_id, refund.created_at AS refunded_at
       FROM charge LEFT JOIN refund ON charge_id = charge.id
       WHERE ${condition} ORDER BY charge.created_at, charge.id`,
      [parameter],
    );
    return rows.map((row) => {
      const charge = toCharge(row);
      if (row.refund_id === null || row.refunded_at === null) return charge;
      const refund = {
        id: row.refund_id,
        chargeId: row.id,
        amount: charge.amount,
        createdAt: row.refunded_at,
      };
      return { ...charge, refund };
    });
  }
}

const toCharge = (row: ChargeRow): Charge => ({
  id: row.id,
  reference: row.reference,
  amount: Money.of(Number(row.amount), row.currency),
  source: row.source,
  declined: row.declined ?? undefined,
  createdAt: row.created_at,
});

const toRefund = (row: RefundRow): Refund => ({
  id: row.id,
  chargeId: row.charge_id,
  amount: Money.of(Number(row.amount), row.currency),
  createdAt: row.created_at,
});

const toEntry = (row: EntryRow): BookEntry => ({
  id: row.id,
  kind: row.kind,
  chargeId: row.charge_id,
  reference: row.reference,
  amount: Money.of(Number(row.amount), row.currency),
  at: row.at,
});
