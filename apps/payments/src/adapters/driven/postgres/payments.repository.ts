import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Money } from '@atlas/kernel';
import { currentFlow, type Flow, type Outbox, runInFlow } from '@atlas/ports/adapters';
import { In } from 'typeorm';
import { type DueSignal, PaymentRepository } from '../../../application/ports';
import { bookingOf } from '../../../domain/ledger';
import { Payment, type PaymentChange } from '../../../domain/payment';
import { publishedEvents } from '../events/published-events';
import { PaymentEntity, type PaymentRow } from './payment.entity';

interface Saved {
  readonly changed: PaymentChange;
  readonly flow: Flow | null;
}

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
      this.created().push(toRow(payment, currentFlow() ?? null));
    });
  }

  update(ids: readonly string[], change: (payment: Payment) => PaymentChange): Promise<readonly Payment[]> {
    return this.unitOfWork.run(async () => {
      await this.insert();
      const rows = await this.unitOfWork.manager.find(PaymentEntity, {
        where: { id: In(ids) },
        // In one order, so that replicas with the same payments in hand don't lock each other out.
        order: { id: 'ASC' },
        lock: { mode: 'pessimistic_write' },
      });
      const saved: Saved[] = [];
      const payments: Payment[] = [];
      for (const row of rows) {
        const payment = toPayment(row);
        const changed = change(payment);
        payments.push(changed.next);
        if (changed.next === payment && changed.dueInMs === undefined) continue;
        // A message or a request acts for itself, the worker for what made the payment due.
        saved.push({ changed, flow: currentFlow() ?? row.flow });
      }
      if (saved.length > 0) await this.save(saved);
      return payments;
    });
  }

  /** By the database's clock alone, so that the clocks of replicas need not agree. */
  async claimDue(limit: number, leaseMs: number): Promise<readonly Payment[]> {
    // TypeORM yields the rows of an UPDATE together with their number.
    const [claimed]: [PaymentRow[], number] = await this.unitOfWork.manager.query(
      `WITH due AS (
         SELECT id FROM payment WHERE due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
       )
       UPDATE payment SET attempts = attempts + 1, due_at = now() + $2 * interval '1 millisecond'
       FROM due WHERE payment.id = due.id
       RETURNING payment.id, status, amount, currency, payment_token AS "paymentToken", charge_id AS "chargeId",
         refund_id AS "refundId", reason, cancel_requested AS "cancelRequested", attempts,
         unanswered_charges AS "unansweredCharges", version, requested_at AS "requestedAt", changed_at AS "changedAt", flow`,
      [limit, leaseMs],
    );
    return claimed.map(toPayment);
  }

  async find(id: string): Promise<Payment | undefined> {
    const row = await this.unitOfWork.manager.findOneBy(PaymentEntity, { id });
    return row ? toPayment(row) : undefined;
  }

  /** What the open unit of work has created and not written yet. */
  private created(): PaymentRow[] {
    return this.unitOfWork.local(this, () => {
      this.unitOfWork.beforeCommit(() => this.insert());
      return [];
    });
  }

  /** Writes it. A batch of events is a unit of work, so this is one statement for many payments. */
  private async insert(): Promise<void> {
    const rows = this.created().splice(0);
    if (rows.length === 0) return;
    this.unitOfWork.afterCommit(() => this.due.raise());
    await this.unitOfWork.manager.query(
      `INSERT INTO payment (id, status, amount, currency, payment_token, cancel_requested, attempts,
         unanswered_charges, version, requested_at, changed_at, flow, due_at)
       SELECT row.*, now() FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::boolean[],
         $7::integer[], $8::integer[], $9::integer[], $10::timestamptz[], $11::timestamptz[], $12::jsonb[]) AS row
       ON CONFLICT DO NOTHING`,
      [
        rows.map((row) => row.id),
        rows.map((row) => row.status),
        rows.map((row) => row.amount),
        rows.map((row) => row.currency),
        rows.map((row) => row.paymentToken),
        rows.map((row) => row.cancelRequested),
        rows.map((row) => row.attempts),
        rows.map((row) => row.unansweredCharges),
        rows.map((row) => row.version),
        rows.map((row) => row.requestedAt),
        rows.map((row) => row.changedAt),
        rows.map((row) => row.flow && JSON.stringify(row.flow)),
      ],
    );
  }

  private async save(saved: readonly Saved[]): Promise<void> {
    const rows = saved.map(({ changed, flow }) => toRow(changed.next, flow));
    await this.unitOfWork.manager.query(
      `UPDATE payment SET status = row.status, charge_id = row.charge_id, refund_id = row.refund_id,
         reason = row.reason, cancel_requested = row.cancel_requested,
         unanswered_charges = row.unanswered_charges, version = row.version,
         changed_at = row.changed_at, flow = row.flow,
         due_at = CASE
           WHEN row.status NOT IN ('pending', 'refunding') THEN NULL
           WHEN row.due_in_ms IS NULL THEN due_at
           ELSE now() + row.due_in_ms * interval '1 millisecond'
         END
       FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::integer[],
         $8::timestamptz[], $9::jsonb[], $10::integer[], $11::integer[])
         AS row (id, status, charge_id, refund_id, reason, cancel_requested, version, changed_at, flow, due_in_ms,
           unanswered_charges)
       WHERE payment.id = row.id`,
      [
        rows.map((row) => row.id),
        rows.map((row) => row.status),
        rows.map((row) => row.chargeId),
        rows.map((row) => row.refundId),
        rows.map((row) => row.reason),
        rows.map((row) => row.cancelRequested),
        rows.map((row) => row.version),
        rows.map((row) => row.changedAt),
        rows.map((row) => row.flow && JSON.stringify(row.flow)),
        saved.map(({ changed }) => changed.dueInMs ?? null),
        rows.map((row) => row.unansweredCharges),
      ],
    );
    await this.book(saved.map(({ changed }) => changed));
    for (const { changed, flow } of saved) {
      const events = publishedEvents(changed);
      await (flow ? runInFlow(flow, () => this.outbox.add(events)) : this.outbox.add(events));
    }
    if (saved.some(({ changed }) => changed.dueInMs === 0)) {
      this.unitOfWork.afterCommit(() => this.due.raise());
    }
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
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[])
           AS entry (payment_id, kind, account, debit, credit, currency)
       ), booked AS (
         INSERT INTO ledger_transaction (payment_id, kind)
         SELECT DISTINCT payment_id, kind FROM entry RETURNING id, payment_id, kind
       )
       INSERT INTO ledger_entry (transaction_id, account, debit, credit, currency)
       SELECT booked.id, account, debit, credit, currency FROM entry JOIN booked USING (payment_id, kind)`,
      [
        entries.map((entry) => entry.id),
        entries.map((entry) => entry.kind),
        entries.map((entry) => entry.account),
        entries.map((entry) => entry.debit),
        entries.map((entry) => entry.credit),
        entries.map((entry) => entry.currency),
      ],
    );
  }
}

function toRow(payment: Payment, flow: Flow | null): PaymentRow {
  const { amount, chargeId, refundId, reason, ...same } = payment.snapshot();
  return {
    ...same,
    amount: String(amount.minorUnits),
    currency: amount.currency,
    chargeId: chargeId ?? null,
    refundId: refundId ?? null,
    reason: reason ?? null,
    flow,
  };
}

function toPayment(row: PaymentRow): Payment {
  const {
    id,
    status,
    paymentToken,
    cancelRequested,
    attempts,
    unansweredCharges,
    version,
    requestedAt,
    changedAt,
  } = row;
  return new Payment({
    id,
    status,
    amount: Money.of(Number(row.amount), row.currency),
    paymentToken,
    chargeId: row.chargeId ?? undefined,
    refundId: row.refundId ?? undefined,
    reason: row.reason ?? undefined,
    cancelRequested,
    attempts,
    unansweredCharges,
    version,
    requestedAt,
    changedAt,
  });
}
