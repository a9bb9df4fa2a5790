import type { Money } from '@atlas/kernel';

/** What can happen to a payment. */
export type PaymentEvent =
  | { readonly type: 'payment-captured'; readonly amount: Money; readonly chargeId: string }
  | { readonly type: 'payment-declined'; readonly reason: string }
  | { readonly type: 'payment-failed'; readonly reason: string }
  | { readonly type: 'payment-refunded'; readonly amount: Money; readonly refundId: string };
