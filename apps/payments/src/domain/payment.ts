import type { Change, Money } from '@atlas/kernel';
import { bookingsOf, type LedgerTransaction } from './ledger';
import type { PaymentEvent } from './payment-events';

export const PAYMENT_STATUSES = [
  'pending',
  'captured',
  'declined',
  'failed',
  'voided',
  'refunding',
  'refunded',
] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

export interface PaymentState {
  /** The order's id: an order is paid once. */
  readonly id: string;
  readonly status: PaymentStatus;
  readonly amount: Money;
  readonly paymentToken: string;
  /** The order was cancelled while a charge might have been in progress: any charge must be refunded. */
  readonly cancelRequested: boolean;
  readonly chargeId?: string | undefined;
  readonly refundId?: string | undefined;
  /** Why the provider declined the charge or the refund, or why the payment failed. */
  readonly reason?: string | undefined;
  /** How often the provider was to be called, whatever the outcome. */
  readonly attempts: number;
  /** How many charges the provider left unanswered, although it was available and had no charge on record. */
  readonly unansweredCharges: number;
  /** When its next step is due, while a claim lasts: when that ends. Undefined unless it is pending or refunding. */
  readonly dueAt?: Date | undefined;
  /** Counts published events only: pending, refunding and voided are internal, so others must not see a gap. */
  readonly version: number;
  readonly requestedAt: Date;
  /** When it entered its present status. */
  readonly changedAt: Date;
}

/** The next step of an open payment. */
export type SettlementStep = 'charge' | 'ask' | 'refund';

/** A change of a payment, with what it books in the ledger. */
export interface PaymentChange extends Change<Payment, PaymentEvent> {
  readonly bookings: readonly LedgerTransaction[];
}

/**
 * An order's payment: pending → captured → refunding → refunded; or declined, failed (no answer, nothing charged) or
 * voided (cancelled, nothing charged). Messages may arrive late or twice, and the provider's answer may arrive after
 * another attempt has started, so a transition that no longer fits changes nothing.
 *
 * Only a charge always counts, because it is the customer's money: one that is no longer wanted is booked, published
 * and refunded at once.
 */
export class Payment {
  constructor(private readonly state: PaymentState) {}

  /** A new payment, due at once. @throws RangeError if the amount is negative. */
  static request(requested: {
    readonly id: string;
    readonly amount: Money;
    readonly paymentToken: string;
    readonly at: Date;
  }): PaymentChange {
    const { id, amount, paymentToken, at } = requested;
    if (amount.minorUnits < 0) throw new RangeError(`A payment can't be negative: ${amount.toString()}`);
    return quiet(
      new Payment({
        id,
        status: 'pending',
        amount,
        paymentToken,
        cancelRequested: false,
        attempts: 0,
        unansweredCharges: 0,
        dueAt: at,
        version: 0,
        requestedAt: at,
        changedAt: at,
      }),
    );
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

  isDue(at: Date): boolean {
    const { dueAt } = this.state;
    return dueAt !== undefined && dueAt <= at;
  }

  unchanged(): PaymentChange {
    return quiet(this);
  }

  /**
   * To charge again with the same key is safe, and returns the outcome of the first charge. Once no further charge is
   * wanted, the provider is only asked. Undefined: there is nothing to do.
   * @param maxCharges how many charges may stay unanswered. Those that failed because the provider was unavailable
   *   don't count: its outage is no reason to give up on a customer.
   */
  nextStep(maxCharges: number): SettlementStep | undefined {
    const { status, cancelRequested, unansweredCharges } = this.state;
    if (status === 'refunding') return 'refund';
    if (status !== 'pending') return undefined;
    return cancelRequested || unansweredCharges >= maxCharges ? 'ask' : 'charge';
  }

  /** Starts an attempt at the next step: until `leaseMs` milliseconds have passed, it is not due for anyone else. */
  claim(at: Date, leaseMs: number): PaymentChange {
    if (!this.isDue(at)) return this.unchanged();
    return quiet(this.with({ attempts: this.state.attempts + 1, dueAt: after(at, leaseMs) }));
  }

  /** The order is cancelled. */
  cancel(at: Date): PaymentChange {
    const { status, attempts, cancelRequested } = this.state;
    if (status === 'captured') return this.refund(at);
    if (status !== 'pending' || cancelRequested) return this.unchanged();
    if (attempts === 0) return quiet(this.enter('voided', at));
    return quiet(this.with({ cancelRequested: true }));
  }

  /** Starts to refund a captured payment. */
  refund(at: Date): PaymentChange {
    if (this.state.status !== 'captured') return this.unchanged();
    return quiet(this.enter('refunding', at));
  }

  /** The provider has charged the customer. */
  charged(chargeId: string, at: Date): PaymentChange {
    const { status, amount, cancelRequested } = this.state;
    if (this.state.chargeId !== undefined) return this.unchanged();
    const isWanted = status === 'pending' && !cancelRequested;
    return published(this.enter(isWanted ? 'captured' : 'refunding', at, { chargeId, reason: undefined }), {
      type: 'payment-captured',
      amount,
      chargeId,
    });
  }

  /** The provider has declined the charge for good. */
  chargeDeclined(reason: string, at: Date): PaymentChange {
    if (this.state.status !== 'pending') return this.unchanged();
    return published(this.enter('declined', at, { reason }), { type: 'payment-declined', reason });
  }

  /** The provider, asked in `attempt`, has no charge on record: the payment ends, unless a later attempt runs. */
  nothingCharged(attempt: number, at: Date): PaymentChange {
    if (!this.isLatest(attempt, 'pending')) return this.unchanged();
    if (this.state.cancelRequested) return quiet(this.enter('voided', at));
    const reason = 'the payment provider gave no answer, and has charged nothing';
    return published(this.enter('failed', at, { reason }), { type: 'payment-failed', reason });
  }

  /** The provider has refunded the charge, on our request or on its own initiative. */
  refunded(refundId: string, at: Date): PaymentChange {
    const { status, amount } = this.state;
    if (status !== 'refunding' && status !== 'captured') return this.unchanged();
    return published(this.enter('refunded', at, { refundId, reason: undefined }), {
      type: 'payment-refunded',
      amount,
      refundId,
    });
  }

  /** The provider declines to refund. We still owe the money, so the refund stays due and shows the reason. */
  refundDeclined(attempt: number, reason: string, at: Date, retryInMs: number): PaymentChange {
    if (!this.isLatest(attempt, 'refunding')) return this.unchanged();
    return quiet(this.with({ reason, dueAt: after(at, retryInMs) }));
  }

  /** The provider was available but left the charge of `attempt` unanswered. */
  unanswered(attempt: number, at: Date, retryInMs: number): PaymentChange {
    if (!this.isLatest(attempt, 'pending')) return this.postponed(attempt, at, retryInMs);
    const unansweredCharges = this.state.unansweredCharges + 1;
    return quiet(this.with({ unansweredCharges, dueAt: after(at, retryInMs) }));
  }

  /** The provider was unavailable, so `attempt` counts for nothing but its number. */
  postponed(attempt: number, at: Date, retryInMs: number): PaymentChange {
    if (!this.isLatest(attempt, 'pending', 'refunding')) return this.unchanged();
    return quiet(this.with({ dueAt: after(at, retryInMs) }));
  }

  /** Attempts are numbered for the payment's whole life, so a late answer is not mistaken for the latest one. */
  private isLatest(attempt: number, ...statuses: readonly PaymentStatus[]): boolean {
    return this.state.attempts === attempt && statuses.includes(this.state.status);
  }

  private with(changes: Partial<PaymentState>): Payment {
    return new Payment({ ...this.state, ...changes });
  }

  /** Only a refund has a next step, which is due at once. */
  private enter(
    status: Exclude<PaymentStatus, 'pending'>,
    at: Date,
    changes: Partial<PaymentState> = {},
  ): Payment {
    return this.with({
      ...changes,
      status,
      changedAt: at,
      dueAt: status === 'refunding' ? at : undefined,
    });
  }
}

const after = (at: Date, ms: number): Date => new Date(at.getTime() + ms);

/** A change that no other context needs to know. */
const quiet = (next: Payment): PaymentChange => ({ next, events: [], bookings: [] });

/** A change that others are told, and that counts as a version. */
function published(changed: Payment, event: PaymentEvent): PaymentChange {
  const state = changed.snapshot();
  const next = new Payment({ ...state, version: state.version + 1 });
  return { next, events: [event], bookings: bookingsOf(event) };
}
