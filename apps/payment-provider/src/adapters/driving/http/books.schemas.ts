import { z } from 'zod';
import type { BookPage } from '../../../application/ports';
import { money } from './charges.schemas';

export const booksQuery = z.object({
  after: z
    .string()
    .regex(/^\d{1,19}\.\d{1,18}$/, 'Pass "next" of the previous page unchanged')
    .optional()
    .describe('"next" of the previous page; without it, the first page'),
  limit: z.coerce.number().int().min(1).max(1_000).default(500),
});

export const booksResponse = z
  .object({
    entries: z
      .array(
        z.object({
          id: z.string().describe("The charge's or the refund's id"),
          kind: z.enum(['charge', 'refund']),
          chargeId: z.string(),
          reference: z.string(),
          amount: money,
          at: z.iso.datetime(),
        }),
      )
      .describe('Each is listed once; none appears later before one that was listed'),
    next: z.string().describe('Where the next page starts, now or later'),
  })
  .meta({ id: 'Books' });

export type BooksQuery = z.infer<typeof booksQuery>;
export type BooksResponse = z.infer<typeof booksResponse>;

export const toBooksResponse = ({ entries, next }: BookPage): BooksResponse => ({
  entries: entries.map(({ amount, at, ...same }) => ({
    ...same,
    amount: amount.toJSON(),
    at: at.toISOString(),
  })),
  next,
});
