import { z } from 'zod';
import { defineEvent } from './event-contract';
import { aggregateId, money } from './fields';

const PAYMENT = { version: 1, owner: 'payments', aggregate: 'payment' } as const;

/** The payment's own id is the order's: an order is paid once. */
export const PaymentCaptured = defineEvent({
  ...PAYMENT,
  type: 'payments.payment-captured',
  data: z.object({ orderId: aggregateId, amount: money, chargeId: z.string() }),
});

/** The provider refused: asking again with the same token won't help. */
export const PaymentDeclined = defineEvent({
  ...PAYMENT,
  type: 'payments.payment-declined',
  data: z.object({ orderId: aggregateId, reason: z.string() }),
});

/** The provider gave no answer in all attempts, and confirmed that nothing was charged. */
export const PaymentFailed = defineEvent({
  ...PAYMENT,
  type: 'payments.payment-failed',
  data: z.object({ orderId: aggregateId, reason: z.string() }),
});

export const PaymentRefunded = defineEvent({
  ...PAYMENT,
  type: 'payments.payment-refunded',
  data: z.object({ orderId: aggregateId, amount: money, refundId: z.string() }),
});
