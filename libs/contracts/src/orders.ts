import { MAX_LINES } from '@atlas/kernel';
import { z } from 'zod';
import { defineEvent } from './event-contract';
import { aggregateId, lines, money, quantity, sku } from './fields';

const ORDER = { version: 1, owner: 'orders', aggregate: 'order' } as const;

export const OrderPlaced = defineEvent({
  ...ORDER,
  type: 'orders.order-placed',
  data: z.object({
    orderId: aggregateId,
    customerId: z.string(),
    lines: z
      .array(z.object({ sku, quantity, unitPrice: money }))
      .min(1)
      .max(MAX_LINES),
    total: money,
  }),
});

/** The stock is held: the order now waits for `amount` to be captured with `paymentToken`. */
export const OrderPaymentDue = defineEvent({
  ...ORDER,
  type: 'orders.order-payment-due',
  data: z.object({ orderId: aggregateId, amount: money, paymentToken: z.string() }),
});

export const OrderConfirmed = defineEvent({
  ...ORDER,
  type: 'orders.order-confirmed',
  data: z.object({ orderId: aggregateId, lines, total: money }),
});

export const OrderCancelled = defineEvent({
  ...ORDER,
  type: 'orders.order-cancelled',
  data: z.object({
    orderId: aggregateId,
    reason: z.enum(['out-of-stock', 'payment-declined', 'payment-failed', 'customer-request', 'expired']),
  }),
});
