import { defineEvent } from '@atlas/events';
import { z } from 'zod';
import { aggregateId, money } from './fields';

const orderId = '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a10';

const PAYMENT = { version: 1, owner: 'payments', aggregate: 'payment' } as const;

/** The payment's own id is the order's: an order is paid once. */
export const PaymentCaptured = defineEvent({
  ...PAYMENT,
  type: 'payments.payment-captured',
  data: z.object({ orderId: aggregateId, amount: money, chargeId: z.string() }),
  examples: [
    { orderId, amount: { minorUnits: 700, currency: 'EUR' }, chargeId: 'ch_1' },
    { orderId, amount: { minorUnits: 1_250, currency: 'SEK' }, chargeId: 'ch_2' },
  ],
});

/** The provider refused: asking again with the same token won't help. */
export const PaymentDeclined = defineEvent({
  ...PAYMENT,
  type: 'payments.payment-declined',
  data: z.object({ orderId: aggregateId, reason: z.string() }),
  examples: [
    { orderId, reason: 'insufficient funds' },
    { orderId, reason: 'Kartenlimit überschritten (500 €)' },
  ],
});

/** The provider gave no answer in all attempts, and confirmed that nothing was charged. */
export const PaymentFailed = defineEvent({
  ...PAYMENT,
  type: 'payments.payment-failed',
  data: z.object({ orderId: aggregateId, reason: z.string() }),
  examples: [
    { orderId, reason: 'the provider gave no answer' },
    { orderId, reason: '' },
  ],
});

/** The money is back with the customer. */
export const PaymentRefunded = defineEvent({
  ...PAYMENT,
  unconsumed: 'An order refunded as goodwill stays confirmed; any other was cancelled before.',
  type: 'payments.payment-refunded',
  data: z.object({ orderId: aggregateId, amount: money, refundId: z.string() }),
  examples: [
    { orderId, amount: { minorUnits: 700, currency: 'EUR' }, refundId: 're_1' },
    { orderId, amount: { minorUnits: 1_250, currency: 'SEK' }, refundId: 're_2' },
  ],
});
