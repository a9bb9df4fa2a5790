import type { Money } from '@atlas/kernel';

export interface Refund {
  readonly id: string;
  readonly chargeId: string;
  readonly amount: Money;
  readonly createdAt: Date;
}

/** An attempt to charge a card that the provider has decided about; what it decided stays. */
export interface Charge {
  readonly id: string;
  /** The client's own name for what is paid. */
  readonly reference: string;
  readonly amount: Money;
  /** The card's token. */
  readonly source: string;
  /** Why the card was not charged; undefined: it was. */
  readonly declined?: string | undefined;
  /** All of it went back. */
  readonly refund?: Refund | undefined;
  readonly createdAt: Date;
}

/** A movement of money, as the books list it. */
export interface BookEntry {
  /** The charge's or the refund's own id. */
  readonly id: string;
  readonly kind: 'charge' | 'refund';
  readonly chargeId: string;
  readonly reference: string;
  /** Above 0 for both kinds. */
  readonly amount: Money;
  readonly at: Date;
}
