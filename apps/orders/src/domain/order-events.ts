import type { Money } from '@atlas/kernel';
import type { OrderLine } from './order-line';

/** `expired` means that it was not settled in its time. */
export type CancellationReason =
  'out-of-stock' | 'payment-declined' | 'payment-failed' | 'customer-request' | 'expired';

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
