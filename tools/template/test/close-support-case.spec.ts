import { randomUUID } from 'node:crypto';
import { type Context, startContext } from '@atlas/testing/context';
import { helpDeskApp } from '../src/help-desk.app';
import { openSupportCase } from './builders';

describe('POST /support-cases/{id}/close', () => {
  let helpDesk: Context;

  beforeAll(async () => (helpDesk = await startContext(helpDeskApp)));
  afterAll(() => helpDesk?.stop());

  it('changes a support case once, and publishes that', async () => {
    const { id } = await openSupportCase(helpDesk);
    const updated = await helpDesk.send('POST', `/support-cases/${id}/close`);
    expect(updated.statusCode).toBe(200);
    expect(updated.json()).toMatchObject({ status: 'closed', version: 2 });
    expect((await helpDesk.send('POST', `/support-cases/${id}/close`)).json()).toEqual(updated.json());
    expect(await helpDesk.told(id)).toEqual([
      'help-desk.support-case-opened 1',
      'help-desk.support-case-closed 2',
    ]);
  });

  it('finds no support case that was never opened', async () => {
    const answer = await helpDesk.send('POST', `/support-cases/${randomUUID()}/close`);
    expect(answer.statusCode).toBe(404);
  });
});
