import { randomUUID } from 'node:crypto';
import { eventually, recordOf } from '@atlas/testing';
import { type Context, startContext } from '@atlas/testing/context';
import { GuestArrived } from '../language';
import { helpDeskApp } from '../src/help-desk.app';

const [data] = GuestArrived.examples;

describe('front-desk.guest-arrived', () => {
  let helpDesk: Context;

  beforeAll(async () => (helpDesk = await startContext(helpDeskApp)));
  afterAll(() => helpDesk?.stop());

  it('opens one support case, even if the log delivers it again', async () => {
    const subject = randomUUID();
    const record = recordOf({ contract: GuestArrived, subject, aggregateVersion: 1, data });
    await helpDesk.publish(record, record);
    await helpDesk.publish(record);
    await helpDesk.handled(record);
    await eventually(
      async () => (await helpDesk.send('GET', `/support-cases/${subject}`)).statusCode === 200,
    );
    expect(await helpDesk.told(subject)).toEqual(['help-desk.support-case-opened 1']);
  });
});
