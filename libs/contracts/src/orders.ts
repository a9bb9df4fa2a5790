import { defineEvent } from '@atlas/events';
import { z } from 'zod';
import { aggregateId, lines, money, quantity, sku } from './fields';
import { MAX_LINES } from './limits';

const orderId = '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a10';

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
  examples: [
    {
      orderId,
      customerId: 'ada',
      lines: [{ sku: 'coffee', quantity: 2, unitPrice: { minorUnits: 350, currency: 'EUR' } }],
      total: { minorUnits: 700, currency: 'EUR' },
    },
    {
      orderId,
      customerId: 'Zoë Ångström',
      lines: [
        { sku: 'mug', quantity: 1, unitPrice: { minorUnits: 1_250, currency: 'SEK' } },
        { sku: 'gift-card', quantity: 10_000, unitPrice: { minorUnits: 0, currency: 'SEK' } },
      ],
      total: { minorUnits: 1_250, currency: 'SEK' },
    },
  ],
});

/** The stock is held: the order now waits for `amount` to be captured with `paymentToken`. */
export const OrderPaymentDue = defineEvent({
  ...ORDER,
  type: 'orders.order-payment-due',
  data: z.object({ orderId: aggregateId, amount: money, paymentToken: z.string() }),
  examples: [
    { orderId, amount: { minorUnits: 700, currency: 'EUR' }, paymentToken: 'tok_visa' },
    { orderId, amount: { minorUnits: 1_250, currency: 'SEK' }, paymentToken: 'tok_1' },
  ],
});

export const OrderConfirmed = defineEvent({
  ...ORDER,
  type: 'orders.order-confirmed',
  data: z.object({ orderId: aggregateId, lines, total: money }),
  examples: [
    {
      orderId,
      lines: [{ sku: 'coffee', quantity: 2 }],
      total: { minorUnits: 700, currency: 'EUR' },
    },
    {
      orderId,
      lines: [
        { sku: 'mug', quantity: 1 },
        { sku: 'gift-card', quantity: 10_000 },
      ],
      total: { minorUnits: 1_250, currency: 'SEK' },
    },
  ],
});

export const OrderCancelled = defineEvent({
  ...ORDER,
  type: 'orders.order-cancelled',
  data: z.object({
    orderId: aggregateId,
    reason: z.enum(['out-of-stock', 'payment-declined', 'payment-failed', 'customer-request', 'expired']),
  }),
  examples: [
    { orderId, reason: 'out-of-stock' },
    { orderId, reason: 'customer-request' },
    { orderId, reason: 'payment-declined' },
    { orderId, reason: 'payment-failed' },
    { orderId, reason: 'expired' },
  ],
});
