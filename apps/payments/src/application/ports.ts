import type { Money } from '@atlas/kernel';
import type { AccountBalance } from '../domain/ledger';
import type { Payment, PaymentChange } from '../domain/payment';
import type { StatementLine } from '../domain/statement';

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

  /** Those that exist, in the order of `ids`. */
  abstract getAll(ids: readonly string[]): Promise<readonly Payment[]>;
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
 *
 * why: an answer may take seconds, so it is asked under a lease and never in a transaction (ADR 6).
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

/** A movement that our books have and the provider's lack. */
export interface MissingMovement {
  readonly kind: StatementLine['kind'];
  /** The charge's or the refund's id. */
  readonly id: string;
  readonly paymentId: string;
}

/** Our copy of the provider's books, as far as they have been read. */
export abstract class Statement {
  /** The position after what has been read; undefined: nothing has. */
  abstract position(): Promise<string | undefined>;

  /**
   * Stores the lines and the position after them, together; a line that is already stored stays as it is.
   * @param unmatched the ids of the charges that their payments don't hold.
   */
  abstract append(page: StatementPage, unmatched: readonly string[]): Promise<void>;

  /** The charges that were unmatched when they were appended, and that have no refund in the statement. */
  abstract unmatchedCharges(): Promise<readonly StatementLine[]>;

  /** At most `limit` movements of payments that have not changed since `before`. */
  abstract missing(before: Date, limit: number): Promise<readonly MissingMovement[]>;
}
