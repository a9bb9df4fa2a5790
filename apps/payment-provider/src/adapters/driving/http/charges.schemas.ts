import { z } from 'zod';
import type { Charge, Refund } from '../../../domain/charge';

export const chargeId = z.string().min(1).max(64);
const reference = z.string().min(1).max(255);

export const money = z.object({
  minorUnits: z.int().min(0).describe('Whole minor units: 199 is 1.99 EUR'),
  currency: z.string().regex(/^[A-Z]{3}$/, 'A currency is an ISO 4217 code such as EUR'),
});

export const chargeBody = z
  .object({
    reference: reference.describe("The client's own name for what is paid; charges are found by it"),
    amount: money,
    source: z
      .string()
      .min(1)
      .max(255)
      .describe('The token of a test card: tok_approve, tok_decline, tok_timeout'),
  })
  .meta({ id: 'NewCharge' });

export const listChargesQuery = z.object({ reference });

export const refundResponse = z
  .object({ id: z.string(), chargeId: z.string(), amount: money, createdAt: z.iso.datetime() })
  .meta({ id: 'Refund' });

export const chargeResponse = z
  .object({
    id: z.string(),
    reference: z.string(),
    amount: money,
    status: z.enum(['succeeded', 'declined']),
    reason: z.string().optional().describe('Why it was declined'),
    createdAt: z.iso.datetime(),
    refund: refundResponse
      .optional()
      .describe('Only when the charge is read: POST responds with the charge as it was created'),
  })
  .meta({ id: 'Charge' });

export const chargesResponse = z.object({ charges: z.array(chargeResponse).describe('Oldest first') });

export type ChargeBody = z.infer<typeof chargeBody>;
export type ListChargesQuery = z.infer<typeof listChargesQuery>;
export type RefundResponse = z.infer<typeof refundResponse>;
export type ChargeResponse = z.infer<typeof chargeResponse>;
export type ChargesResponse = z.infer<typeof chargesResponse>;

export const toRefundResponse = ({ id, chargeId: charge, amount, createdAt }: Refund): RefundResponse => ({
  id,
  chargeId: charge,
  amount: amount.toJSON(),
  createdAt: createdAt.toISOString(),
});

export function toChargeResponse(charge: Charge): ChargeResponse {
  const { id, reference: name, amount, declined, createdAt, refund } = charge;
  return {
    id,
    reference: name,
    amount: amount.toJSON(),
    status: declined === undefined ? 'succeeded' : 'declined',
    reason: declined,
    createdAt: createdAt.toISOString(),
    refund: refund && toRefundResponse(refund),
  };
}
