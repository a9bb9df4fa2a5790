import type { Flow } from '@atlas/ports/adapters';
import { EntitySchema } from 'typeorm';
import type { PaymentStatus } from '../../../domain/payment';

export interface PaymentRow {
  /** The order's. */
  id: string;
  status: PaymentStatus;
  /** Minor units; PostgreSQL's bigint arrives as text. */
  amount: string;
  currency: string;
  paymentToken: string;
  chargeId: string | null;
  refundId: string | null;
  reason: string | null;
  cancelRequested: boolean;
  attempts: number;
  unansweredCharges: number;
  version: number;
  requestedAt: Date;
  changedAt: Date;
  /** What made it due, so that the outcome is told as its consequence. */
  flow: Flow | null;
}

export const PaymentEntity = new EntitySchema<PaymentRow>({
  name: 'payment',
  tableName: 'payment',
  columns: {
    id: { type: 'uuid', primary: true },
    status: { type: 'text' },
    amount: { type: 'bigint' },
    currency: { type: 'text' },
    paymentToken: { name: 'payment_token', type: 'text' },
    chargeId: { name: 'charge_id', type: 'text', nullable: true },
    refundId: { name: 'refund_id', type: 'text', nullable: true },
    reason: { type: 'text', nullable: true },
    cancelRequested: { name: 'cancel_requested', type: 'boolean' },
    attempts: { type: 'integer' },
    unansweredCharges: { name: 'unanswered_charges', type: 'integer' },
    version: { type: 'integer' },
    requestedAt: { name: 'requested_at', type: 'timestamptz' },
    changedAt: { name: 'changed_at', type: 'timestamptz' },
    flow: { type: 'jsonb', nullable: true },
  },
});
