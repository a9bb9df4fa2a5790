import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Money } from '@atlas/kernel';
import type { Outbox } from '@atlas/ports';
import { In } from 'typeorm';
import { type DueSignal, PaymentRepository } from '../../../application/ports';
import { bookingOf } from '../../../domain/ledger';
import { Payment, type PaymentChange } from '../../../domain/payment';
import { publishedEvents } from '../events/published-events';
import { PaymentEntity, type PaymentRow } from './payment.entity';

export class PostgresPaymentRepository extends PaymentRepository {
  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    private readonly outbox: Outbox,
    private readonly due: DueSignal,
  ) {
    super();
  }

  create(payment: Payment): Promise<void> {
    return this.unitOfWork.run(async () => {
      await this.unitOfWork.manager
        .createQueryBuilder()
        .insert()
        .into(PaymentEntity)
        .values(toRow(payment))
        .orIgnore()
        .updateEntity(false)
        .execute();
      this.unitOfWork.afterCommit(() => this.due.raise());
    });
  }

  update(ids: readonly string[], change: (payment: Payment) => PaymentChange): Promise<readonly Payment[]> {
    return this.unitOfWork.run(async () => {
      const rows = await this.unitOfWork.manager.find(PaymentEntity, {
        where: { id: In(ids) },
        // In one order, so that replicas with the same payments in hand don't lock each other out.
        order: { id: 'ASC' },
        lock: { mode: 'pessimistic_write' },
      });
      const payments = rows.map(toPayment);
      const changes = payments.map(change);
      const changed = changes.filter(({ next }, index) => next !== payments[index]);
      if (changed.length > 0) {
        await this.save(changed.map(({ next }) => toRow(next)));
        await this.book(changed);
        await this.outbox.add(changed.flatMap(publishedEvents));
        this.unitOfWork.afterCommit(() => this.due.raise());
      }
      return changes.map(({ next }) => next);
    });
  }

  async claimDue(limit: number, leaseMs: number): Promise<readonly Payment[]> {
    // TypeORM yields the rows of an UPDATE together with their number.
    const [claimed]: [{ id: string }[], number] = await this.unitOfWork.manager.query(
      `UPDATE payment SET attempts = attempts + 1, due_at = now() + $2 * interval '1 millisecond'
       WHERE id IN (SELECT id FROM payment WHERE due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
       RETURNING id, status, amount, currency, payment_token AS "paymentToken", charge_id AS "chargeId",
         refund_id AS "refundId", reason, cancel_requested AS "cancelRequested", attempts, due_at AS "dueAt", version`,
      [limit, leaseMs],
    );
    return (claimed as PaymentRow[]).map(toPayment);
  }

  async find(id: string): Promise<Payment | undefined> {
    const row = await this.unitOfWork.manager.findOneBy(PaymentEntity, { id });
    return row ? toPayment(row) : undefined;
  }

  private async save(rows: readonly PaymentRow[]): Promise<void> {
    await this.unitOfWork.manager.query(
      `UPDATE payment SET status = row.status, charge_id = row.charge_id, refund_id = row.refund_id,
         reason = row.reason, cancel_requested = row.cancel_requested, attempts = row.attempts, due_at = row.due_at,
         version = row.version
       FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::integer[],
         $8::timestamptz[], $9::integer[])
         AS row (id, status, charge_id, refund_id, reason, cancel_requested, attempts, due_at, version)
       WHERE payment.id = row.id`,
      [
        rows.map((row) => row.id),
        rows.map((row) => row.status),
        rows.map((row) => row.chargeId),
        rows.map((row) => row.refundId),
        rows.map((row) => row.reason),
        rows.map((row) => row.cancelRequested),
        rows.map((row) => row.attempts),
        rows.map((row) => row.dueAt),
        rows.map((row) => row.version),
      ],
    );
  }

  /** Enters into the ledger what the events mean there. */
  private async book(changes: readonly PaymentChange[]): Promise<void> {
    const entries = changes.flatMap(({ next, events }) =>
      events.flatMap((event) => {
        const booking = bookingOf(event);
        return booking ? booking.entries.map((entry) => ({ id: next.id, kind: booking.kind, ...entry })) : [];
      }),
    );
    if (entries.length === 0) return;
    await this.unitOfWork.manager.query(
      `WITH entry AS (
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
           AS entry (payment_id, kind, account, debit, credit)
       ), booked AS (
         INSERT INTO ledger_transaction (payment_id, kind)
         SELECT DISTINCT payment_id, kind FROM entry RETURNING id, payment_id, kind
       )
       INSERT INTO ledger_entry (transaction_id, account, debit, credit)
       SELECT booked.id, account, debit, credit FROM entry JOIN booked USING (payment_id, kind)`,
      [
        entries.map((entry) => entry.id),
        entries.map((entry) => entry.kind),
        entries.map((entry) => entry.account),
        entries.map((entry) => entry.debit),
        entries.map((entry) => entry.credit),
      ],
    );
  }
}

function toRow(payment: Payment): PaymentRow {
  const { amount, chargeId, refundId, reason, dueAt, ...same } = payment.snapshot();
  return {
    ...same,
    amount: String(amount.minorUnits),
    currency: amount.currency,
    chargeId: chargeId ?? null,
    refundId: refundId ?? null,
    reason: reason ?? null,
    dueAt: dueAt ?? null,
  };
}

function toPayment({ amount, currency, chargeId, refundId, reason, dueAt, ...same }: PaymentRow): Payment {
  return new Payment({
    ...same,
    amount: Money.of(Number(amount), currency),
    chargeId: chargeId ?? undefined,
    refundId: refundId ?? undefined,
    reason: reason ?? undefined,
    dueAt: dueAt ?? undefined,
  });
}
