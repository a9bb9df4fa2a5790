import type { Money } from '@atlas/kernel';
import { z } from 'zod';
import type { BookPage } from '../../../application/ports';
import type { BookEntry, Charge, Refund } from '../../../domain/charge';

export const idempotencyKey = z
  .string('This request needs the header Idempotency-Key; repeat it with the same key to repeat it safely')
  .regex(/^[\x21-\x7e]{1,255}$/, 'An Idempotency-Key has 1 to 255 visible ASCII characters, without spaces');

export const chargeId = z.string().min(1).max(64);
const reference = z.string().min(1).max(255);

const money = z.object({
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
      .describe('A token of the test mode: tok_approve, tok_decline, tok_timeout'),
  })
  .meta({ id: 'NewCharge' });
export type ChargeBody = z.infer<typeof chargeBody>;

export const refundResponse = z
  .object({ id: z.string(), chargeId: z.string(), amount: money, createdAt: z.iso.datetime() })
  .meta({ id: 'Refund' });
export type RefundResponse = z.infer<typeof refundResponse>;

export const chargeResponse = z
  .object({
    id: z.string(),
    reference: z.string(),
    amount: money,
    status: z.enum(['succeeded', 'declined']),
    reason: z.string().optional().describe('Why it was declined'),
    createdAt: z.iso.datetime(),
    refund: refundResponse.optional().describe('Only when it is read: a charge is answered as it was made'),
  })
  .meta({ id: 'Charge' });
export type ChargeResponse = z.infer<typeof chargeResponse>;

export const listChargesQuery = z.object({ reference });
export type ListChargesQuery = z.infer<typeof listChargesQuery>;
export const chargesResponse = z.object({ charges: z.array(chargeResponse).describe('Oldest first') });
export type ChargesResponse = z.infer<typeof chargesResponse>;

export const booksQuery = z.object({
  after: z
    .string()
    .regex(/^\d{1,19}\.\d{1,18}$/, 'Give "next" of the page before, as it is')
    .optional()
    .describe('"next" of the page before; without it, from the beginning'),
  limit: z.coerce.number().int().min(1).max(1_000).default(500),
});
export type BooksQuery = z.infer<typeof booksQuery>;

export const booksResponse = z
  .object({
    entries: z
      .array(
        z.object({
          id: z.string().describe("The charge's or the refund's"),
          kind: z.enum(['charge', 'refund']),
          chargeId: z.string(),
          reference: z.string(),
          amount: money,
          at: z.iso.datetime(),
        }),
      )
      .describe('Each is listed once; none appears later before one that was listed'),
    next: z.string().describe('Where to read on, now or later'),
  })
  .meta({ id: 'Books' });
export type BooksResponse = z.infer<typeof booksResponse>;

export function toChargeResponse(charge: Charge): ChargeResponse {
  const { id, reference: name, amount, declined, createdAt, refund } = charge;
  return {
    id,
    reference: name,
    amount: toMoney(amount),
    status: declined === undefined ? 'succeeded' : 'declined',
    reason: declined,
    createdAt: createdAt.toISOString(),
    refund: refund && toRefundResponse(refund),
  };
}

export const toRefundResponse = ({ id, chargeId: charge, amount, createdAt }: Refund): RefundResponse => ({
  id,
  chargeId: charge,
  amount: toMoney(amount),
  createdAt: createdAt.toISOString(),
});

export const toBooksResponse = ({ entries, next }: BookPage): BooksResponse => ({
  entries: entries.map(toEntryResponse),
  next,
});

const toEntryResponse = ({ amount, at, ...same }: BookEntry): BooksResponse['entries'][number] => ({
  ...same,
  amount: toMoney(amount),
  at: at.toISOString(),
});

const toMoney = ({ minorUnits, currency }: Money) => ({ minorUnits, currency });
