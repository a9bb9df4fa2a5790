import { randomUUID } from 'node:crypto';
import { PostgresOutboxSource } from '@atlas/adapters/postgres';
import { defineEvent } from '@atlas/events';
import { eventually, recordOf } from '@atlas/testing';
import { type Context, startContext } from '@atlas/testing/context';
import { z } from 'zod';
import { BookLent } from './contracts';
import { lendingApp } from './lending';
import { membersApp } from './members';

interface LoanAnswer {
  readonly id: string;
  readonly status: string;
  readonly version: number;
}

/** Two services of a library, made of the platform's libraries alone. Nothing here knows another. */
describe('A business with a language of its own', () => {
  let members: Context;
  let lending: Context;
  let outbox: PostgresOutboxSource;

  beforeAll(async () => {
    members = await startContext(membersApp);
    const { EVENT_LOG_URL } = members.env;
    lending = await startContext(lendingApp, { env: { EVENT_LOG_URL } });
    outbox = new PostgresOutboxSource({ url: lending.env.DATABASE_URL });
  });
  afterAll(async () => {
    await outbox?.close();
    await lending?.stop();
    await members?.stop();
  });

  /** Publishes all that lending has committed, as its relay does. */
  async function relay(): Promise<void> {
    await outbox.acquire(AbortSignal.timeout(10_000));
    const session = await lending.eventLog.openPublisher('lending');
    try {
      let { cursor } = session;
      for (let more = true; more;) {
        const page = await outbox.read(cursor, 100);
        if (page.records.length > 0) await session.publish(page.records, page.cursor);
        ({ cursor, more } = page);
      }
    } finally {
      await session.close();
      await outbox.release();
    }
  }

  const lend = async (memberId: string, key = randomUUID()) =>
    lending.send('POST', '/loans', { memberId, book: 'Middlemarch' }, { 'idempotency-key': key });
  const counted = async (id: string, count: { books: number; events: number }) => {
    const read = async () => (await members.send('GET', `/members/${id}`)).json<typeof count>();
    await eventually(async () => (await read()).events >= count.events);
    expect(await read()).toEqual(count);
  };
  const letters = async () =>
    (await members.send('GET', '/dead-letters')).json<{ letters: { kind: string; key: string }[] }>().letters;

  it('takes requests, publishes events, and another service counts each once', async () => {
    const loans: LoanAnswer[] = [];
    for (let books = 0; books < 3; books++) loans.push((await lend('ada')).json<LoanAnswer>());
    await relay();
    await counted('ada', { books: 3, events: 3 });

    const [{ id }] = loans as [LoanAnswer];
    const returned = await lending.send('POST', `/loans/${id}/return`);
    expect(returned.json<LoanAnswer>()).toMatchObject({ id, status: 'returned', version: 2 });
    await lending.send('POST', `/loans/${id}/return`);
    expect(await lending.told(id)).toEqual(['lending.book-lent 1', 'lending.book-returned 2']);
    await relay();
    await counted('ada', { books: 2, events: 4 });
  });

  it('answers a repeated request as it did the first time, and refuses an invalid one', async () => {
    const key = randomUUID();
    const [first, second] = [await lend('bob', key), await lend('bob', key)];
    expect(first.statusCode).toBe(201);
    expect(second.json<LoanAnswer>().id).toBe(first.json<LoanAnswer>().id);
    const rows = await lending.query(`SELECT FROM loan WHERE member_id = 'bob'`);
    expect(rows).toHaveLength(1);

    const refused = await lend('');
    expect(refused.statusCode).toBe(400);
    expect(refused.json()).toMatchObject({ errors: [{ pointer: '/memberId' }] });
    expect((await lending.send('GET', `/loans/${randomUUID()}`)).statusCode).toBe(404);
  });

  it('passes over an event that its catalogue does not have, and reads those it has, also of the same key', async () => {
    const subject = randomUUID();
    const BreadBaked = defineEvent({
      ...{ type: 'lending.bread-baked', version: 1, owner: 'lending', aggregate: 'bread' },
      data: z.object({}),
      examples: [{}],
    });
    const data = { loanId: subject, memberId: 'eve', book: 'Emma' };
    const unknown = recordOf({ contract: BreadBaked, subject, aggregateVersion: 1, data: {} });
    await members.publish(unknown, recordOf({ contract: BookLent, subject, aggregateVersion: 2, data }));
    await counted('eve', { books: 1, events: 1 });
    await members.handled(unknown);
    expect(await letters()).toEqual([]);
  });

  it('continues where it stopped after a restart, and counts no event twice', async () => {
    const event = (memberId: string) => {
      const data = { loanId: randomUUID(), memberId, book: 'Emma' };
      return recordOf({ contract: BookLent, subject: data.loanId, aggregateVersion: 1, data });
    };
    const [before, after] = [event('mia'), event('mia')];
    await members.publish(before);
    await members.handled(before);

    await members.restart(members.replicas[0]);

    await members.publish(before, after);
    await members.handled(after);
    await counted('mia', { books: 2, events: 2 });
  });
});
