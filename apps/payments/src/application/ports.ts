import type { Money } from '@atlas/kernel';
import type { AccountBalance } from '../domain/ledger';
import type { Payment, PaymentChange } from '../domain/payment';

/**
 * The background job that claims due payments, settles each and records the outcomes. It looks for due payments by
 * itself; a command that makes one due triggers it to save the wait.
 */
export const SETTLEMENT_JOB = 'settle-payments';

/** The collection of payments. A change, its events and its bookings are saved atomically. */
export abstract class PaymentRepository {
  /** @throws Error if its id already exists. */
  abstract add(requested: PaymentChange): Promise<void>;

  /**
   * Locks the payment against other updates, and saves the result of `change`.
   * @returns the updated payment; undefined if there is none with this id.
   */
  abstract update(id: string, change: (payment: Payment) => PaymentChange): Promise<Payment | undefined>;

  /** The same for several payments, in one transaction. @returns the updated payments, without those that don't exist. */
  abstract updateAll(
    ids: readonly string[],
    change: (payment: Payment) => PaymentChange,
  ): Promise<readonly Payment[]>;

  /**
   * The same for at most `limit` payments that are due at `now`, the longest overdue first. Skips payments that are
   * being updated.
   * @returns the updated payments.
   */
  abstract updateDue(
    now: Date,
    limit: number,
    change: (payment: Payment) => PaymentChange,
  ): Promise<readonly Payment[]>;

  abstract get(id: string): Promise<Payment | undefined>;
}

export abstract class Ledger {
  /** By account and currency. */
  abstract balances(): Promise<readonly AccountBalance[]>;
}

/** The provider declines; asking again won't help. */
interface Declined {
  readonly kind: 'declined';
  readonly reason: string;
}

/** The provider took the request and did not answer: it may have acted, may act later, or not at all. */
interface Unknown {
  readonly kind: 'unknown';
}

/** The provider can't answer, or must not be called, at present: that says nothing about the payment. */
interface Unavailable {
  readonly kind: 'unavailable';
  readonly reason: string;
  /** How long the provider asks not to be called, milliseconds, if it does. */
  readonly retryInMs?: number | undefined;
}

export type ChargeOutcome =
  { readonly kind: 'approved'; readonly chargeId: string } | Declined | Unknown | Unavailable;

export type RefundOutcome =
  { readonly kind: 'refunded'; readonly refundId: string } | Declined | Unknown | Unavailable;

/** The outcome that the provider has on record for a payment's charge, or that it has none. */
export type ChargeRecord = ChargeOutcome | { readonly kind: 'not-charged' };

/**
 * The outside payment provider. Every call returns in bounded time, and may be repeated with its key: the first outcome
 * stands.
 */
export abstract class PaymentProvider {
  /**
   * @param paymentId also the reference by which the charge can be found later.
   * @returns unknown only if the provider did not answer and, when asked, had no charge on record yet.
   */
  abstract charge(paymentId: string, amount: Money, paymentToken: string): Promise<ChargeOutcome>;
  abstract refund(key: string, chargeId: string, amount: Money): Promise<RefundOutcome>;
  /** Asks for the payment's charge. */
  abstract lookup(paymentId: string): Promise<ChargeRecord>;

  /** How many calls make sense at present: none while the provider is unavailable. */
  capacity(): number {
    return Infinity;
  }
}

/** A movement of money in the provider's books. */
export interface StatementLine {
  /** The charge's or the refund's own id. */
  readonly id: string;
  readonly kind: 'charge' | 'refund';
  readonly chargeId: string;
  /** What the charge was made for: a payment's id, if it is ours. */
  readonly reference: string;
  readonly amount: Money;
  readonly at: Date;
}

export interface StatementPage {
  readonly lines: readonly StatementLine[];
  /** The position after this page. */
  readonly next: string;
}

/** The provider's books. */
export abstract class ProviderBooks {
  /**
   * @param after `next` of the previous page; undefined: from the beginning.
   * @throws if the provider is unavailable.
   */
  abstract read(after: string | undefined): Promise<StatementPage>;
}

/** A charge beyond the one that its payment holds. */
export interface SurplusCharge {
  readonly chargeId: string;
  readonly amount: Money;
}

export const DIFFERENCE_KINDS = [
  'surplus-charge', // a second charge of a payment, not refunded yet
  'unknown-charge', // for no payment of ours
  'amount', // differs from the payment's
  'missing-charge', // in our books, not in the provider's
  'missing-refund',
] as const;

/** Something that is only in one of the two books, or differs between them. */
export interface BookDifference {
  readonly kind: (typeof DIFFERENCE_KINDS)[number];
  /** The charge's or refund's id. */
  readonly id: string;
  readonly reference: string;
}

/** Our copy of the provider's books, as far as they have been read. */
export abstract class Statement {
  /** The position after what has been read; undefined: nothing has. */
  abstract position(): Promise<string | undefined>;
  /** Stores the lines and the position after them, together; a line that is already stored stays as it is. */
  abstract append(page: StatementPage): Promise<void>;
  abstract surplusCharges(): Promise<readonly SurplusCharge[]>;
  /** At most 100, leaving out what is only a few minutes old. */
  abstract differences(): Promise<readonly BookDifference[]>;
}
