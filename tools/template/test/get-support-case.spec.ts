import { randomUUID } from 'node:crypto';
import { type Context, startContext } from '@atlas/testing/context';
import { helpDeskApp } from '../src/help-desk.app';
import { openSupportCase } from './builders';

describe('GET /support-cases/{id}', () => {
  let helpDesk: Context;

  beforeAll(async () => (helpDesk = await startContext(helpDeskApp)));
  afterAll(() => helpDesk?.stop());

  const get = (id: string) => helpDesk.send('GET', `/support-cases/${id}`);

  it('reads a support case', async () => {
    const opened = await openSupportCase(helpDesk);
    const answer = await get(opened.id);
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual(opened);
  });

  it('finds no support case that was never opened, and refuses what is no id', async () => {
    expect((await get(randomUUID())).statusCode).toBe(404);
    const refused = await get('7');
    expect(refused.statusCode).toBe(400);
    expect(refused.json().errors).toContainEqual(expect.objectContaining({ in: 'path', pointer: '/id' }));
  });
});
