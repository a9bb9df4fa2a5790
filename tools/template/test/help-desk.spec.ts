import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { type Context, startContext } from '@atlas/testing/context';
import { helpDeskApp } from '../src/help-desk.app';
import { audit } from '../src/help-desk.audit';
import { openSupportCase, type SupportCaseAnswer } from './builders';

interface Page {
  readonly supportCases: readonly SupportCaseAnswer[];
  readonly nextCursor?: string;
}

describe('Help desk', () => {
  let helpDesk: Context;

  beforeAll(async () => (helpDesk = await startContext(helpDeskApp)));
  afterAll(() => helpDesk?.stop());

  const read = async (id: string) =>
    (await helpDesk.send('GET', `/support-cases/${id}`)).json<SupportCaseAnswer>();

  it('opens a support case, says where it is, and publishes it', async () => {
    const answer = await helpDesk.send('POST', '/support-cases', { title: 'Zoë’s' });
    expect(answer.statusCode).toBe(201);
    const opened = answer.json<SupportCaseAnswer>();
    expect(answer.headers['location']).toBe(`/support-cases/${opened.id}`);
    expect(opened).toMatchObject({ title: 'Zoë’s', status: 'open', version: 1 });
    expect(await read(opened.id)).toEqual(opened);
    expect(await helpDesk.told(opened.id)).toEqual(['help-desk.support-case-opened 1']);
  });

  it('shows an example of a request, which it accepts', async () => {
    const { components } = (await helpDesk.send('GET', '/docs-json')).json<{
      components: { schemas: Record<string, { example?: object }> };
    }>();
    const examples = Object.values(components.schemas).flatMap(({ example }) => example ?? []);
    expect(examples).toHaveLength(1);
    expect((await helpDesk.send('POST', '/support-cases', examples[0])).statusCode).toBe(201);
  });

  it('opens one support case per idempotency key, however often and concurrently it is sent', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const send = (title: string) => helpDesk.send('POST', '/support-cases', { title }, key);
    const answers = await Promise.all(Array.from({ length: 8 }, () => send('Once')));
    const opened = answers.filter(({ statusCode }) => statusCode === 201);
    expect(answers.every(({ statusCode }) => [201, 409].includes(statusCode))).toBe(true);
    expect(new Set(opened.map(({ body }) => body)).size).toBe(1);
    expect((await send('Once')).body).toBe(opened[0]?.body);
    expect((await send('Something else')).statusCode).toBe(422);
  });

  it('lists support cases newest first, by status, page by page', async () => {
    const ids: string[] = [];
    for (let opened = 0; opened < 5; opened++) ids.unshift((await openSupportCase(helpDesk)).id);
    const list = async (query: string) =>
      (await helpDesk.send('GET', `/support-cases?${query}`)).json<Page>();
    const first = await list('status=open&limit=3');
    expect(first.supportCases.map(({ id }) => id)).toEqual(ids.slice(0, 3));
    const rest = await list(`status=open&limit=2&cursor=${first.nextCursor}`);
    expect(rest.supportCases.map(({ id }) => id)).toEqual(ids.slice(3));
    await helpDesk.send('POST', `/support-cases/${ids[0]}/close`);
    expect((await list('status=open&limit=1')).supportCases[0]?.id).toBe(ids[1]);
  });

  describe('refuses', () => {
    it.each<[string, object, string, string]>([
      ['no title', {}, '/title', 'string'],
      ['an empty title', { title: '' }, '/title', '>=1 characters'],
      ['a long title', { title: 'x'.repeat(201) }, '/title', '<=200 characters'],
    ])('%s, naming the field', async (_, body, pointer, detail) => {
      const answer = await helpDesk.send('POST', '/support-cases', body);
      expect(answer.statusCode).toBe(400);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.json().errors).toContainEqual({ pointer, detail: expect.stringContaining(detail) });
    });

    it('invalid queries, naming the parameter', async () => {
      const error = async (url: string) => {
        const answer = await helpDesk.send('GET', url);
        expect(answer.statusCode).toBe(400);
        return answer.json<{ errors: unknown[] }>().errors[0];
      };
      expect(await error('/support-cases?limit=0')).toMatchObject({ in: 'query', pointer: '/limit' });
      expect(await error('/support-cases?status=lost')).toMatchObject({ in: 'query', pointer: '/status' });
    });
  });

  it('is audited: a support case that skipped its beginning is found', async () => {
    const { id } = await openSupportCase(helpDesk);
    const database = new Client({ connectionString: helpDesk.env.DATABASE_URL });
    await database.connect();
    const check = async () => {
      const { checks } = await audit.check({ database, inFlight: false, read: async () => [] });
      return checks.flatMap(({ violations }) => violations);
    };
    try {
      expect(await check()).toEqual([]);
      await database.query(`UPDATE support_case SET status = 'closed' WHERE id = $1`, [id]);
      expect(await check()).toEqual([
        expect.objectContaining({ subject: id, detail: expect.stringContaining('is closed') }),
      ]);
      await database.query(
        `UPDATE support_case SET status = 'open', changed_at = opened_at - interval '1 second' WHERE id = $1`,
        [id],
      );
      expect(await check()).toEqual([expect.objectContaining({ subject: id })]);
    } finally {
      await database.end();
    }
  });
});
