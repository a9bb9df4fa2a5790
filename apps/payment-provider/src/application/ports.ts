import type { BookEntry, Charge, Refund } from '../domain/charge';

/** What became of a request that carries an idempotency key. */
export type Once<Made> =
  | { readonly kind: 'made'; readonly value: Made }
  /** The same request came before; this is what was made then. */
  | { readonly kind: 'repeated'; readonly value: Made }
  /** The key came with another request before. */
  | { readonly kind: 'other-request' }
  /** A request with this key, or for this charge, is being worked on. */
  | { readonly kind: 'in-flight' };

export type OnceRefunded =
  | Once<Refund>
  | { readonly kind: 'no-such-charge' }
  /** Under another key. */
  | { readonly kind: 'already-refunded'; readonly value: Refund };

export interface BookPage {
  readonly entries: readonly BookEntry[];
  /** Where the next page begins; give it back as it is. The one that was given if there are no entries. */
  readonly next: string;
}

/**
 * What was charged and refunded. A key is kept with what was made under it, for ever: however late a request comes
 * again, it makes nothing new.
 */
export abstract class Books {
  /** Enters the charge, unless there is one under its key. */
  abstract charge(key: string, charge: Charge): Promise<Once<Charge>>;

  /** Enters the refund of a whole charge; a charge is refunded once, under whatever key. */
  abstract refund(
    key: string,
    refund: { readonly id: string; readonly chargeId: string; readonly createdAt: Date },
  ): Promise<OnceRefunded>;

  abstract find(chargeId: string): Promise<Charge | undefined>;

  /** All with this reference, oldest first. */
  abstract withReference(reference: string): Promise<readonly Charge[]>;

  /**
   * The movements of money, in an order in which none can appear later before one that was read: so whoever goes on
   * from `next` misses none.
   * @param after `next` of the page before; undefined: from the beginning.
   */
  abstract entries(after: string | undefined, limit: number): Promise<BookPage>;
}
