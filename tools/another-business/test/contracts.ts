import { catalogueOf, defineEvent, topicOf } from '@atlas/events';
import { z } from 'zod';

const loanId = '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a10';
const LOAN = { version: 1, owner: 'lending', aggregate: 'loan' } as const;

export const BookLent = defineEvent({
  ...LOAN,
  type: 'lending.book-lent',
  data: z.object({ loanId: z.uuid(), memberId: z.string(), book: z.string() }),
  examples: [{ loanId, memberId: 'ada', book: 'Middlemarch' }],
});

export const BookReturned = defineEvent({
  ...LOAN,
  type: 'lending.book-returned',
  data: z.object({ loanId: z.uuid(), memberId: z.string() }),
  examples: [{ loanId, memberId: 'ada' }],
});

export const CopyShelved = defineEvent({
  ...{ type: 'shelves.copy-shelved', version: 1, owner: 'shelves', aggregate: 'copy' },
  data: z.object({ loanId: z.uuid() }),
  examples: [{ loanId }],
});

export const catalogue = catalogueOf({
  contracts: [BookLent, BookReturned, CopyShelved],
  topics: ['lending', 'shelves'].map((owner) => ({ name: topicOf(owner), partitions: 6 })),
});
