import type { Money } from '@atlas/kernel';

export interface Refund {
  readonly id: string;
  readonly chargeId: string;
  readonly amount: Money;
  readonly createdAt: Date;
}

/** An attempt to charge a card, with the provider's final decision. */
export interface Charge {
  readonly id: string;
  /** The client's own name for what is paid. */
  readonly reference: string;
  readonly amount: Money;
  /** The card's token. */
  readonly source: string;
  /** Why the card was not charged; undefined: it was. */
  readonly declined?: string | undefined;
  /** The refund of the whole amount. */
  readonly refund?: Refund | undefined;
  readonly createdAt: Date;
}

/** A movement of money in the books. */
export interface BookEntry {
  /** The charge's or the refund's own id. */
  readonly id: string;
  readonly kind: 'charge' | 'refund';
  readonly chargeId: string;
  readonly reference: string;
  /** Positive for both kinds. */
  readonly amount: Money;
  readonly at: Date;
}
