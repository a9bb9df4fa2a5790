import { z } from 'zod';

/** The part of the provider's responses that we use; the rest is ignored. */
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
