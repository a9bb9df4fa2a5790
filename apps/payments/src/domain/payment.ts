import { type Change, changed, type Money, unchanged } from '@atlas/kernel';
import type { PaymentEvent } from './payment-events';

export type PaymentStatus =
  'pending' | 'captured' | 'declined' | 'failed' | 'voided' | 'refunding' | 'refunded';

export interface PaymentState {
  /** The order's id: an order is paid once. */
  readonly id: string;
  readonly status: PaymentStatus;
  readonly amount: Money;
  readonly paymentToken: string;
  /** The order was cancelled when a charge might have been under way: what was charged goes back. */
  readonly cancelRequested: boolean;
  readonly chargeId?: string | undefined;
  readonly refundId?: string | undefined;
  /** What the provider gave as its reason for a refusal, or why the payment failed. */
  readonly reason?: string | undefined;
  /** How many calls of the provider were started for it, whatever became of them. */
  readonly attempts: number;
  /** How many charges the provider left without an answer, though it could be asked and had nothing on record. */
  readonly unansweredCharges: number;
  /** Counts published events only: pending, refunding and voided are our own affair, others would see a gap. */
  readonly version: number;
  readonly requestedAt: Date;
  /** When it got its present status. */
  readonly changedAt: Date;
}

/** What is to be done next with an open payment. */
export type SettlementStep = 'charge' | 'ask' | 'refund';

/** What a transition makes of the payment, and of when it is due. */
export interface PaymentChange extends Change<Payment, PaymentEvent> {
  /** In how many milliseconds the next step is due; undefined: no other than it was. */
  readonly dueInMs?: number;
}

/**
 * An order's payment: pending → captured → refunding → refunded; or declined, failed (no answer, nothing charged) or
 * voided (cancelled, nothing charged). Messages may come late or twice, and the answer to a call may come after
 * another attempt was started, so a transition that no longer fits changes nothing.
 *
 * Only a charge always counts, because it is the customer's money: one that nobody waits for any more is booked,
 * told, and refunded at once.
 */
export class Payment {
  constructor(private readonly state: PaymentState) {}

  /** @throws RangeError if the amount is negative. */
  static request(due: {
    readonly id: string;
    readonly amount: Money;
    readonly paymentToken: string;
    readonly at: Date;
  }): Payment {
    const { id, amount, paymentToken, at } = due;
    if (amount.minorUnits < 0) throw new RangeError(`A payment can't be negative: ${amount.toString()}`);
    return new Payment({
      id,
      status: 'pending',
      amount,
      paymentToken,
      cancelRequested: false,
      attempts: 0,
      unansweredCharges: 0,
      version: 0,
      requestedAt: at,
      changedAt: at,
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

  /**
   * Charging again with the same key is safe and tells what became of the last time; once that is no longer wanted,
   * the provider is only asked. Undefined if nothing is to be done.
   * @param maxCharges how many charges may be left without an answer. Those that the provider was in no state to
   *   answer don't count: an outage of its is no reason to give a customer up.
   */
  nextStep(maxCharges: number): SettlementStep | undefined {
    const { status, cancelRequested, unansweredCharges } = this.state;
    if (status === 'refunding') return 'refund';
    if (status !== 'pending') return undefined;
    return cancelRequested || unansweredCharges >= maxCharges ? 'ask' : 'charge';
  }

  /** The order is cancelled. */
  cancel(at: Date): PaymentChange {
    const { status, attempts, cancelRequested } = this.state;
    if (status === 'captured') return this.refund(at);
    if (status !== 'pending' || cancelRequested) return unchanged(this);
    if (attempts === 0) return quietly(this.become({ status: 'voided' }, at));
    return quietly(new Payment({ ...this.state, cancelRequested: true }));
  }

  /** Gives a captured payment back. */
  refund(at: Date): PaymentChange {
    if (this.state.status !== 'captured') return unchanged(this);
    return { ...quietly(this.become({ status: 'refunding' }, at)), dueInMs: 0 };
  }

  /** The provider has charged the customer. */
  charged(chargeId: string, at: Date): PaymentChange {
    const { status, amount, cancelRequested } = this.state;
    if (this.state.chargeId !== undefined) return unchanged(this);
    const wanted = status === 'pending' && !cancelRequested;
    const next = this.tell({ status: wanted ? 'captured' : 'refunding', chargeId, reason: undefined }, at);
    return {
      ...changed(next, { type: 'payment-captured', amount, chargeId }),
      ...(!wanted && { dueInMs: 0 }),
    };
  }

  /** The provider refuses to charge, for good. */
  chargeDeclined(reason: string, at: Date): PaymentChange {
    if (this.state.status !== 'pending') return unchanged(this);
    const next = this.tell({ status: 'declined', reason }, at);
    return changed(next, { type: 'payment-declined', reason });
  }

  /** The provider, asked in `attempt`, says that it has charged nothing: it is over, unless a later attempt runs. */
  nothingCharged(attempt: number, at: Date): PaymentChange {
    if (!this.waitsFor(attempt, 'pending')) return unchanged(this);
    if (this.state.cancelRequested) return quietly(this.become({ status: 'voided' }, at));
    const reason = 'the payment provider gave no answer, and has charged nothing';
    const next = this.tell({ status: 'failed', reason }, at);
    return changed(next, { type: 'payment-failed', reason });
  }

  /** The provider has given the money back: as it was asked to, or of itself. */
  refunded(refundId: string, at: Date): PaymentChange {
    const { status, amount } = this.state;
    if (status !== 'refunding' && status !== 'captured') return unchanged(this);
    const next = this.tell({ status: 'refunded', refundId, reason: undefined }, at);
    return changed(next, { type: 'payment-refunded', amount, refundId });
  }

  /** The provider refuses to refund. We owe the money all the same, so it stays due, and shows the reason. */
  refundDeclined(attempt: number, reason: string, retryInMs: number): PaymentChange {
    if (!this.waitsFor(attempt, 'refunding')) return unchanged(this);
    return { ...quietly(new Payment({ ...this.state, reason })), dueInMs: retryInMs };
  }

  /** The provider took `attempt` and was silent about it: the next one will tell. */
  unanswered(attempt: number, retryInMs: number): PaymentChange {
    if (!this.waitsFor(attempt, 'pending')) return this.postponed(attempt, retryInMs);
    const next = new Payment({ ...this.state, unansweredCharges: this.state.unansweredCharges + 1 });
    return { ...quietly(next), dueInMs: retryInMs };
  }

  /** The provider is in no state to answer `attempt`, which counts for nothing but its number. */
  postponed(attempt: number, retryInMs: number): PaymentChange {
    return this.waitsFor(attempt, 'pending', 'refunding')
      ? { ...unchanged(this), dueInMs: retryInMs }
      : unchanged(this);
  }

  /** Attempts are numbered over the payment's life, so a late answer to one is told from the answer to the latest. */
  private waitsFor(attempt: number, ...statuses: readonly PaymentStatus[]): boolean {
    return this.state.attempts === attempt && statuses.includes(this.state.status);
  }

  private become(changes: Partial<PaymentState>, at: Date): Payment {
    return new Payment({ ...this.state, ...changes, changedAt: at });
  }

  private tell(changes: Partial<PaymentState>, at: Date): Payment {
    return this.become({ ...changes, version: this.state.version + 1 }, at);
  }
}

/** A change that no other context needs to know. */
const quietly = (next: Payment): PaymentChange => ({ next, events: [] });
