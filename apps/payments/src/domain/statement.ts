import type { Money } from '@atlas/kernel';
import type { Payment } from './payment';

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

export const DIFFERENCE_KINDS = [
  'surplus-charge', // a second charge of a payment, not refunded yet
  'unknown-charge', // for no payment of ours
  'amount', // differs from the payment's
  'missing-charge', // in our books, not in the provider's
  'missing-refund',
] as const;
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number];

/** Something that is only in one of the two books, or differs between them. */
export interface BookDifference {
  readonly kind: DifferenceKind;
  /** The charge's or refund's id. */
  readonly id: string;
  readonly reference: string;
}

/** How long a movement may take to reach the other books, milliseconds. Younger ones are no difference. */
export const SETTLES_WITHIN_MS = 5 * 60_000;

/**
 * How a charge in the provider's books differs from the payment that it refers to; undefined: the payment holds it.
 * @param payment undefined: there is none.
 */
export function differenceOf(
  charge: StatementLine,
  payment: Payment | undefined,
): DifferenceKind | undefined {
  if (!payment) return 'unknown-charge';
  const { chargeId } = payment.snapshot();
  if (chargeId === charge.chargeId) return undefined;
  // A payment without a charge takes the first one over its amount.
  return chargeId === undefined ? 'amount' : 'surplus-charge';
}
