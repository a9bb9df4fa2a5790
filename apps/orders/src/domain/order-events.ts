import type { Money } from '@atlas/kernel';
import type { OrderLine } from './order-line';

/** `expired`: it was not settled in time. */
export const CANCELLATION_REASONS = [
  'out-of-stock',
  'payment-declined',
  'payment-failed',
  'customer-request',
  'expired',
] as const;

export type CancellationReason = (typeof CANCELLATION_REASONS)[number];

/** What can happen to an order. */
export type OrderEvent =
  | {
      readonly type: 'order-placed';
      readonly customerId: string;
      readonly lines: readonly OrderLine[];
      readonly total: Money;
    }
  | { readonly type: 'payment-due'; readonly amount: Money; readonly paymentToken: string }
  | { readonly type: 'order-confirmed'; readonly lines: readonly OrderLine[]; readonly total: Money }
  | { readonly type: 'order-cancelled'; readonly reason: CancellationReason };
