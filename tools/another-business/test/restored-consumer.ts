import { randomUUID } from 'node:crypto';
import { openEventLog } from '@atlas/adapters/event-log';
import { createTestDatabase, eventually, recordOf, type TestDatabase } from '@atlas/testing';
import { type Context, startContext } from '@atlas/testing/context';
import { Client } from 'pg';
import { BookLent } from './contracts';
import type { LogUnderTest } from './fatal-event';
import { membersApp } from './members';

/** Tests a consumer whose database goes back in time, or whose inbox is lost, on the log that `open` returns. */
export function describeRestoredConsumer(name: string, open: () => Promise<LogUnderTest>): void {
  describe(`A consumer on ${name}`, () => {
    let place: LogUnderTest;
    let own: TestDatabase;
    let members: Context;
    /** The events that the member should have been counted in. */
    let published = 0;

    const start = () => startContext(membersApp, { env: { DATABASE_URL: own.url, ...place.settings } });
    const lend = async (count: number): Promise<void> => {
      const lent = Array.from({ length: count }, () => {
        const loanId = randomUUID();
        const data = { loanId, memberId: 'ada', book: 'Middlemarch' };
        return recordOf({ contract: BookLent, subject: loanId, aggregateVersion: 1, data });
      });
      await members.publish(...lent);
      published += count;
    };
    const counted = async () =>
      (await members.send('GET', '/members/ada')).json<{ readonly events: number }>().events;
    const isCounted = () => eventually(async () => (await counted()) >= published, 60_000);

    beforeAll(async () => {
      place = await open();
      own = await createTestDatabase();
      members = await start();
    }, 240_000);
    afterAll(async () => {
      await members?.stop();
      await own?.drop();
      await place?.drop();
    }, 60_000);

    it('catches up by itself after its database was restored to an earlier time', async () => {
      await lend(100);
      await isCounted();
      await members.stop();
      const backup = await copyOf(own);
      members = await start();
      await lend(150);
      await isCounted();
      await members.stop();

      await own.drop();
      own = backup;
      members = await start();
      expect(await counted()).toBeLessThanOrEqual(published);
      await isCounted();
      // Only what came after the backup was handled again.
      await lend(50);
      await isCounted();
      expect(await counted()).toBe(published);
    }, 180_000);

    it('counts nothing twice that the log would deliver again, even without its inbox', async () => {
      await lend(100);
      await isCounted();
      await members.query('DELETE FROM inbox');
      await members.stop();
      // As if it had been killed before it could move its offsets.
      const log = await openEventLog('test', place.settings, () => undefined);
      const offsets = (await log.groupOffsets()).filter(
        ({ group, committed }) => group === 'members' && committed > 0,
      );
      for (const { group, topic, partition } of offsets) await log.seekGroup(group, topic, partition, 0);
      await log.close();
      expect(offsets.length).toBeGreaterThan(0);

      members = await start();
      await lend(10);
      await isCounted();
      expect(await counted()).toBe(published);
    }, 180_000);
  });
}

/** What a restored backup of the database would be, on the same server. */
async function copyOf({ url }: TestDatabase): Promise<TestDatabase> {
  const copy = await createTestDatabase();
  const [source, target] = [url, copy.url].map((each) => new URL(each).pathname.slice(1));
  const client = new Client({ connectionString: process.env['ATLAS_TEST_POSTGRES_URL'] });
  await client.connect();
  await client.query(`DROP DATABASE ${target}`);
  await client.query(`CREATE DATABASE ${target} TEMPLATE ${source}`);
  await client.end();
  return copy;
}
