import { type AggregateMapping, wholeNumber } from '@atlas/adapters/postgres';
import { Money } from '@atlas/kernel';
import type { Flow } from '@atlas/ports/adapters';
import { EntitySchema } from 'typeorm';
import { Payment, type PaymentStatus } from '../../../domain/payment';
import type { PaymentEvent } from '../../../domain/payment-events';
import { published } from '../events/published-events';

export interface PaymentRow {
  /** The order's. */
  id: string;
  status: PaymentStatus;
  /** Minor units. */
  amount: number;
  currency: string;
  paymentToken: string;
  cancelRequested: boolean;
  chargeId: string | null;
  refundId: string | null;
  reason: string | null;
  attempts: number;
  unansweredCharges: number;
  dueAt: Date | null;
  version: number;
  requestedAt: Date;
  changedAt: Date;
  /** What made it due, so that the outcome is published as its consequence. */
  flow: Flow | null;
}

export const PaymentEntity = new EntitySchema<PaymentRow>({
  name: 'payment',
  tableName: 'payment',
  columns: {
    id: { type: 'uuid', primary: true },
    status: { type: 'text' },
    amount: { ...wholeNumber, update: false },
    currency: { type: 'text', update: false },
    paymentToken: { name: 'payment_token', type: 'text', update: false },
    cancelRequested: { name: 'cancel_requested', type: 'boolean' },
    chargeId: { name: 'charge_id', type: 'text', nullable: true },
    refundId: { name: 'refund_id', type: 'text', nullable: true },
    reason: { type: 'text', nullable: true },
    attempts: { type: 'integer' },
    unansweredCharges: { name: 'unanswered_charges', type: 'integer' },
    dueAt: { name: 'due_at', type: 'timestamptz', nullable: true },
    version: { type: 'integer' },
    requestedAt: { name: 'requested_at', type: 'timestamptz', update: false },
    changedAt: { name: 'changed_at', type: 'timestamptz' },
    flow: { type: 'jsonb', nullable: true },
  },
});

export const paymentMapping: AggregateMapping<Payment, PaymentEvent, PaymentRow> = {
  entity: PaymentEntity,
  published,

  toRow(payment) {
    const { amount, chargeId, refundId, reason, dueAt, ...same } = payment.snapshot();
    return {
      ...same,
      amount: amount.minorUnits,
      currency: amount.currency,
      chargeId: chargeId ?? null,
      refundId: refundId ?? null,
      reason: reason ?? null,
      dueAt: dueAt ?? null,
    };
  },

  fromRow: (row) =>
    new Payment({
      id: row.id,
      status: row.status,
      amount: Money.of(row.amount, row.currency),
      paymentToken: row.paymentToken,
      cancelRequested: row.cancelRequested,
      chargeId: row.chargeId ?? undefined,
      refundId: row.refundId ?? undefined,
      reason: row.reason ?? undefined,
      attempts: row.attempts,
      unansweredCharges: row.unansweredCharges,
      dueAt: row.dueAt ?? undefined,
      version: row.version,
      requestedAt: row.requestedAt,
      changedAt: row.changedAt,
    }),
};
