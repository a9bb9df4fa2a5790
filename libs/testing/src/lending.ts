import { catalogueOf, defineEvent, topicOf } from '@atlas/events';
import { z } from 'zod';

// A library that lends books: the sample domain for the platform's tests, which must not depend on a real one.

const loanId = '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a10';
const LOAN = { version: 1, owner: 'lending', aggregate: 'loan' } as const;

export const BookLent = defineEvent({
  ...LOAN,
  type: 'lending.book-lent',
  data: z.object({ loanId: z.uuid(), memberId: z.string(), book: z.string() }),
  examples: [{ loanId, memberId: 'ada', book: 'Middlemarch' }],
});

export const LoanRenewed = defineEvent({
  ...LOAN,
  type: 'lending.loan-renewed',
  data: z.object({ loanId: z.uuid(), weeks: z.int().min(1) }),
  examples: [{ loanId, weeks: 4 }],
});

export const BookReturned = defineEvent({
  ...LOAN,
  type: 'lending.book-returned',
  data: z.object({ loanId: z.uuid(), condition: z.enum(['good', 'damaged']) }),
  examples: [
    { loanId, condition: 'good' },
    { loanId, condition: 'damaged' },
  ],
});

export const CopyShelved = defineEvent({
  ...{ version: 1, owner: 'shelves', aggregate: 'copy' },
  type: 'shelves.copy-shelved',
  data: z.object({ loanId: z.uuid(), shelf: z.string() }),
  examples: [{ loanId, shelf: 'C7' }],
});

export const lendingCatalogue = catalogueOf({
  contracts: [BookLent, LoanRenewed, BookReturned, CopyShelved],
  topics: ['lending', 'shelves'].map((owner) => ({ name: topicOf(owner), partitions: 6 })),
});
