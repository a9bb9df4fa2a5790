import type { Money } from '@atlas/kernel';
import type { AccountBalance } from '../domain/ledger';
import type { Payment, PaymentChange } from '../domain/payment';

/** Payments as a collection; what happens to one is saved with its events and its entries in the ledger, or not at all. */
export abstract class PaymentRepository {
  /** Saves a new payment, due at once, unless the order has one already. */
  abstract create(payment: Payment): Promise<void>;

  /**
   * Loads the payments, alone against other updates of them, and saves what `change` makes of each.
   * @returns those there are, afterwards.
   */
  abstract update(
    ids: readonly string[],
    change: (payment: Payment) => PaymentChange,
  ): Promise<readonly Payment[]>;

  /**
   * Claims at most `limit` payments that are due, for `leaseMs` milliseconds: each claim counts as an attempt, and
   * no other claim gets the payment until the lease ends or an update says otherwise.
   */
  abstract claimDue(limit: number, leaseMs: number): Promise<readonly Payment[]>;

  abstract find(id: string): Promise<Payment | undefined>;
}

export abstract class Ledger {
  /** By account and currency. */
  abstract balances(): Promise<readonly AccountBalance[]>;
}

/** Tells whoever settles payments that there may be work; losing one only costs time. */
export abstract class DueSignal {
  abstract raise(): void;
}

/** The provider refuses; asking again won't help. */
interface Declined {
  readonly kind: 'declined';
  readonly reason: string;
}

/** The provider took it and was silent: it may have acted or not, or act still. Whether it did has to be asked. */
interface Unknown {
  readonly kind: 'unknown';
}

/** The provider is in no state to answer, or to be asked: that says nothing about the payment. */
interface Unavailable {
  readonly kind: 'unavailable';
  readonly reason: string;
  /** How long to leave it alone, milliseconds, if it is known. */
  readonly retryInMs?: number | undefined;
}

export type ChargeOutcome =
  { readonly kind: 'approved'; readonly chargeId: string } | Declined | Unknown | Unavailable;

export type RefundOutcome =
  { readonly kind: 'refunded'; readonly refundId: string } | Declined | Unknown | Unavailable;

/** What the provider says about a payment's charge: the outcome that it has on record, or that it has none. */
export type ChargeRecord = ChargeOutcome | { readonly kind: 'not-charged' };

/**
 * The outside payment provider. Every call answers in bounded time, and may be repeated with its key: the first
 * outcome stands.
 */
export abstract class PaymentProvider {
  /**
   * @param paymentId also what the charge is found by afterwards.
   * @returns unknown only if the provider was asked after its silence and had nothing on record yet.
   */
  abstract charge(paymentId: string, amount: Money, paymentToken: string): Promise<ChargeOutcome>;
  abstract refund(key: string, chargeId: string, amount: Money): Promise<RefundOutcome>;
  /** What became of the payment's charge. */
  abstract lookup(paymentId: string): Promise<ChargeRecord>;

  /** How many calls it makes sense to begin at present: none while the provider is left alone after failures. */
  capacity(): number {
    return Infinity;
  }
}

/** A movement of money, as the provider's books list it. */
export interface StatementLine {
  /** The charge's or the refund's own. */
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
  /** Where the provider's books go on. */
  readonly next: string;
}

/** The provider's books. */
export abstract class ProviderBooks {
  /**
   * @param after `next` of the page before; undefined: from the beginning.
   * @throws if the provider is in no state to answer.
   */
  abstract read(after: string | undefined): Promise<StatementPage>;
}

/** A charge that the provider took beside the one that its payment holds. */
export interface SurplusCharge {
  readonly chargeId: string;
  readonly amount: Money;
}

/** Something that is in one of the two books alone, or differs. */
export interface BookDifference {
  readonly kind:
    | 'surplus-charge' // a second charge of a payment, which is not given back yet
    | 'unknown-charge' // for no payment of ours
    | 'amount' // another amount than the payment's
    | 'missing-charge' // booked by us, not by the provider
    | 'missing-refund';
  /** The charge's or refund's id. */
  readonly id: string;
  readonly reference: string;
}

/** Our copy of the provider's books, as far as they were read. */
export abstract class Statement {
  /** Where to read on. */
  abstract position(): Promise<string | undefined>;
  /** Keeps the lines and where to read on, together; a line that is there already stays. */
  abstract append(page: StatementPage): Promise<void>;
  abstract surplusCharges(): Promise<readonly SurplusCharge[]>;
  /** At most 100, of what was there a few minutes ago. */
  abstract differences(): Promise<readonly BookDifference[]>;
}
