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

/** The provider did not answer in time: it may have acted or not, or act still. Whether it did has to be asked. */
interface Unknown {
  readonly kind: 'unknown';
}

export type ChargeOutcome = { readonly kind: 'approved'; readonly chargeId: string } | Declined | Unknown;

export type RefundOutcome = { readonly kind: 'refunded'; readonly refundId: string } | Declined | Unknown;

/** What the provider says about a key: the outcome that it has on record, or that it has none. */
export type ChargeRecord = ChargeOutcome | { readonly kind: 'not-charged' };

/**
 * The outside payment provider. Every call answers in bounded time, and may be repeated with its key: the first
 * outcome stands.
 */
export abstract class PaymentProvider {
  abstract charge(key: string, amount: Money, paymentToken: string): Promise<ChargeOutcome>;
  abstract refund(key: string, chargeId: string, amount: Money): Promise<RefundOutcome>;
  /** What became of the charge with this key. */
  abstract lookup(key: string): Promise<ChargeRecord>;
}
