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

/** The result of a request that carries an idempotency key. */
export type KeyedResult<Created> =
  | { readonly kind: 'created'; readonly value: Created }
  /** The same request came before, and created this. */
  | { readonly kind: 'replayed'; readonly value: Created }
  /** The key was used for another request. */
  | { readonly kind: 'key-reused' }
  /** A request with this key, or for this charge, is in progress. */
  | { readonly kind: 'in-progress' };

export type RefundResult =
  | KeyedResult<Refund>
  | { readonly kind: 'no-such-charge' }
  /** Under another key. */
  | { readonly kind: 'already-refunded'; readonly value: Refund };

/** A refund is requested with no more than this. */
export type RefundRequest = Pick<Refund, 'id' | 'chargeId' | 'createdAt'>;

/** The result of a charge whose key has created `known` before. */
export function repeatedCharge(requested: Charge, known: Charge): KeyedResult<Charge> {
  const { reference, source, amount } = requested;
  const isSame = known.reference === reference && known.source === source && known.amount.equals(amount);
  return isSame ? { kind: 'replayed', value: known } : { kind: 'key-reused' };
}

/**
 * The result of a refund, if its key has created a refund before, or its charge has one.
 * @param known the refund of the key; without one, that of the charge.
 */
export function repeatedRefund(
  requested: RefundRequest & { readonly key: string },
  known: Refund & { readonly key: string },
): RefundResult {
  const { key, ...value } = known;
  if (key !== requested.key) return { kind: 'already-refunded', value };
  return known.chargeId === requested.chargeId ? { kind: 'replayed', value } : { kind: 'key-reused' };
}
