import { orderId } from '@atlas/contracts';
import { z } from 'zod';
import { type Payment, PAYMENT_STATUSES } from '../../../domain/payment';

export const moneyResponse = z.object({
  minorUnits: z.int().describe('Whole minor units: 199 is 1.99 EUR'),
  currency: z.string(),
});

export const paymentResponse = z
  .object({
    orderId,
    status: z.enum(PAYMENT_STATUSES),
    amount: moneyResponse,
    chargeId: z.string().optional().describe("The provider's id of the charge"),
    refundId: z.string().optional().describe("The provider's id of the refund"),
    reason: z.string().optional().describe('Why it was declined or failed, or is not refunded yet'),
    attempts: z.int().describe('How often a call of the provider was started'),
    version: z.int(),
    requestedAt: z.iso.datetime(),
    changedAt: z.iso.datetime(),
  })
  .meta({ id: 'Payment' });

export type PaymentResponse = z.infer<typeof paymentResponse>;

export function toPaymentResponse(payment: Payment): PaymentResponse {
  const { id, status, amount, chargeId, refundId, reason, attempts, version, requestedAt, changedAt } =
    payment.snapshot();
  return {
    orderId: id,
    status,
    amount: amount.toJSON(),
    chargeId,
    refundId,
    reason,
    attempts,
    version,
    requestedAt: requestedAt.toISOString(),
    changedAt: changedAt.toISOString(),
  };
}
