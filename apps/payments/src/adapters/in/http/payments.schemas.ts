import { z } from 'zod';
import type { Payment } from '../../../domain/payment';

export const orderId = z.uuid('An order id is a UUID');

const money = z.object({
  minorUnits: z.int().describe('Whole minor units: 199 is 1.99 EUR'),
  currency: z.string(),
});

export const paymentResponse = z
  .object({
    orderId: z.uuid(),
    status: z.enum(['pending', 'captured', 'declined', 'failed', 'voided', 'refunding', 'refunded']),
    amount: money,
    chargeId: z.string().optional(),
    refundId: z.string().optional(),
    reason: z.string().optional(),
    attempts: z.int(),
  })
  .meta({ id: 'Payment' });

export const balancesResponse = z.object({
  balances: z.array(
    z.object({
      account: z.string(),
      balance: z.int().describe('Debits less credits, in whole minor units'),
    }),
  ),
});

export type PaymentResponse = z.infer<typeof paymentResponse>;
export type BalancesResponse = z.infer<typeof balancesResponse>;

export function toPaymentResponse(payment: Payment): PaymentResponse {
  const { id, status, amount, chargeId, refundId, reason, attempts } = payment.snapshot();
  const { minorUnits, currency } = amount;
  return { orderId: id, status, amount: { minorUnits, currency }, chargeId, refundId, reason, attempts };
}
