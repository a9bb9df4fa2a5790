import { z } from 'zod';

/** What we need of the provider's answers; what else they have is none of our business. */
const money = z.object({ minorUnits: z.int(), currency: z.string() });

const refund = z.object({ id: z.string() });

export const chargeAnswer = z.object({
  id: z.string(),
  status: z.enum(['succeeded', 'declined']),
  reason: z.string().optional(),
  refund: refund.optional(),
});
export type ChargeAnswer = z.infer<typeof chargeAnswer>;

export const chargesAnswer = z.object({ charges: z.array(chargeAnswer) });
export const refundAnswer = refund;

export const booksAnswer = z.object({
  entries: z.array(
    z.object({
      id: z.string(),
      kind: z.enum(['charge', 'refund']),
      chargeId: z.string(),
      reference: z.string(),
      amount: money,
      at: z.coerce.date(),
    }),
  ),
  next: z.string(),
});

/** Problem details (RFC 9457). */
export const problemAnswer = z.object({ detail: z.string().optional() });
