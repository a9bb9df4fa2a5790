import { randomUUID } from 'node:crypto';
import { defineEvent } from '@atlas/events';
import { z } from 'zod';
import { runInFlow } from './flow';
import { envelopeOf } from './outbox';

const BookReturned = defineEvent({
  ...{ type: 'lending.book-returned', version: 1, owner: 'lending', aggregate: 'loan' },
  data: z.object({ loanId: z.uuid() }),
  examples: [{ loanId: '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a10' }],
});

describe('An event', () => {
  const loanId = randomUUID();
  const made = () =>
    envelopeOf(
      {
        contract: BookReturned,
        subject: loanId,
        aggregateVersion: 1,
        data: { loanId },
      },
      randomUUID(),
      new Date(),
    );

  it('carries the flow that it belongs to', () => {
    const flow = {
      correlationId: 'web-42',
      causationId: randomUUID(),
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    };
    expect(runInFlow(flow, made)).toMatchObject(flow);
  });

  it('without a cause starts a flow and a trace', () => {
    const [first, second] = [made(), made()];
    expect(first.correlationId).toBe(first.id);
    expect(first.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-02$/);
    expect(second.traceparent).not.toBe(first.traceparent);
  });
});
