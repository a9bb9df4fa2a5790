import { type Change, changed, type Money, unchanged } from '@atlas/kernel';
import type { PaymentEvent } from './payment-events';

export type PaymentStatus =
  'pending' | 'captured' | 'declined' | 'failed' | 'voided' | 'refunding' | 'refunded';

export interface PaymentState {
  /** The order's id: an order is paid once. Also the provider's idempotency key. */
  readonly id: string;
  readonly status: PaymentStatus;
  readonly amount: Money;
  readonly paymentToken: string;
  readonly chargeId?: string | undefined;
  readonly refundId?: string | undefined;
  /** Why it was declined or failed. */
  readonly reason?: string | undefined;
  /** The order was cancelled while a charge may have been on its way. */
  readonly cancelRequested: boolean;
  /** How often the provider was asked for what is due now, counted when an attempt starts. */
  readonly attempts: number;
  /** When the next attempt is due; undefined if there is nothing to ask the provider for. */
  readonly dueAt?: Date | undefined;
  /** Counts the events that it told. Pending, voided and refunding are its own affair: they are no events. */
  readonly version: number;
}

export type PaymentChange = Change<Payment, PaymentEvent>;

/**
 * The payment of one order: pending → captured | declined | failed; captured → refunding → refunded; and voided if
 * the order is cancelled before anything was charged. What orders and the provider tell may come late or twice, so a
 * transition that no longer fits changes nothing.
 */
export class Payment {
  constructor(private readonly state: PaymentState) {}

  static request(due: {
    readonly id: string;
    readonly amount: Money;
    readonly paymentToken: string;
    readonly at: Date;
  }): Payment {
    const { id, amount, paymentToken, at } = due;
    return new Payment({
      id,
      status: 'pending',
      amount,
      paymentToken,
      cancelRequested: false,
      attempts: 0,
      dueAt: at,
      version: 0,
    });
  }

  get id(): string {
    return this.state.id;
  }

  get version(): number {
    return this.state.version;
  }

  snapshot(): PaymentState {
    return this.state;
  }

  /** The provider has charged. If the order is cancelled by now, the money goes back at once. */
  captured(chargeId: string, at: Date): PaymentChange {
    if (this.state.status !== 'pending') return unchanged(this);
    const { amount, cancelRequested } = this.state;
    const captured = this.told({ status: 'captured', chargeId, attempts: 0, dueAt: undefined });
    const next = cancelRequested ? captured.refund(at) : captured;
    return changed(next, { type: 'payment-captured', amount, chargeId });
  }

  /** The provider refused. */
  declined(reason: string): PaymentChange {
    if (this.state.status !== 'pending') return unchanged(this);
    const next = this.told({ status: 'declined', reason, dueAt: undefined });
    return changed(next, { type: 'payment-declined', reason });
  }

  /** The provider gave no answer in all attempts, and confirmed that nothing was charged. */
  failed(reason: string): PaymentChange {
    if (this.state.status !== 'pending') return unchanged(this);
    const next = this.told({ status: 'failed', reason, dueAt: undefined });
    return changed(next, { type: 'payment-failed', reason });
  }

  /** The provider has confirmed that nothing was charged for an order that is cancelled. */
  voided(): PaymentChange {
    if (this.state.status !== 'pending') return unchanged(this);
    return { next: this.with({ status: 'voided', dueAt: undefined }), events: [] };
  }

  /** The provider has given the money back. */
  refunded(refundId: string): PaymentChange {
    if (this.state.status !== 'refunding') return unchanged(this);
    const next = this.told({ status: 'refunded', refundId, dueAt: undefined });
    return changed(next, { type: 'payment-refunded', amount: this.state.amount, refundId });
  }

  /** The provider gave no answer that settles anything: it is asked again. */
  postponed(until: Date): PaymentChange {
    return this.state.dueAt ? { next: this.with({ dueAt: until }), events: [] } : unchanged(this);
  }

  /** The order is cancelled: nothing is to be charged, and what was charged goes back. */
  cancel(at: Date): PaymentChange {
    switch (this.state.status) {
      case 'pending':
        // Once an attempt has started, only the provider knows whether it charged.
        return this.state.attempts === 0
          ? this.voided()
          : { next: this.with({ cancelRequested: true }), events: [] };
      case 'captured':
        return { next: this.refund(at), events: [] };
      case 'declined':
      case 'failed':
      case 'voided':
      case 'refunding':
      case 'refunded':
        return unchanged(this);
    }
  }

  private refund(at: Date): Payment {
    return this.with({ status: 'refunding', attempts: 0, dueAt: at });
  }

  private told(change: Partial<PaymentState>): Payment {
    return this.with({ ...change, version: this.state.version + 1 });
  }

  private with(change: Partial<PaymentState>): Payment {
    return new Payment({ ...this.state, ...change });
  }
}
