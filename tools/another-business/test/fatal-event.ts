import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { openEventLog } from '@atlas/adapters/event-log';
import { topicOf } from '@atlas/events';
import type { EventLog } from '@atlas/ports/adapters';
import { createTestDatabase, publish, recordOf, type TestDatabase } from '@atlas/testing';
import { Client } from 'pg';
import { BookReturned, catalogue } from './contracts';

/** More than it takes; each start is a death. */
const MOST_STARTS = 12;

/** More records of a partition than a batch has. */
const MORE_THAN_A_BATCH = 250;

const returned = (loanId: string, aggregateVersion = 1) =>
  recordOf({
    contract: BookReturned,
    subject: loanId,
    aggregateVersion,
    data: { loanId, memberId: 'ada' },
  });

/** Where an event log is, and how to do away with it. */
export interface LogUnderTest {
  readonly url: string;
  drop(): Promise<void>;
}

/** What becomes of an event that ends every process that handles it, on the log that `open` gives. */
export function describeFatalEvent(name: string, open: () => Promise<LogUnderTest>): void {
  describe(`An event that ends the process of its consumer, on ${name}`, () => {
    let place: LogUnderTest;
    let own: TestDatabase;
    let log: EventLog;
    let database: Client;
    let child: ChildProcess | undefined;

    beforeAll(async () => {
      place = await open();
      own = await createTestDatabase();
      log = await openEventLog('test', { EVENT_LOG_URL: place.url }, () => undefined);
      await log.ensureTopics(catalogue.topics);
      database = new Client({ connectionString: own.url });
      await database.connect();
    }, 240_000);
    afterAll(async () => {
      child?.kill('SIGKILL');
      await database?.end();
      await log?.close();
      await own?.drop();
      await place?.drop();
    });

    function start(fatalLoan: string): ChildProcess {
      const hook = join(process.cwd(), 'tools/jest/run-typescript.cjs');
      return spawn(process.execPath, ['--require', hook, join(__dirname, 'fatal-consumer.ts')], {
        env: {
          ...process.env,
          PORT: '0',
          DATABASE_URL: own.url,
          EVENT_LOG_URL: place.url,
          FATAL_LOAN: fatalLoan,
          LOG_LEVEL: 'error',
        },
        stdio: 'inherit',
      });
    }

    const rows = async <Row extends object>(sql: string, ...values: unknown[]): Promise<Row[]> =>
      (await database.query<Row>(sql, values)).rows;

    /** Whether every event is handled or set aside. */
    const isDone = async (events: number): Promise<boolean> => {
      const [row] = await rows<{ done: number }>(
        'SELECT ((SELECT count(*) FROM inbox) + (SELECT count(*) FROM dead_letter))::integer AS done',
      ).catch(() => []);
      return row?.done === events;
    };

    it('is set aside after a few deaths, with the later ones of its loan; all others are handled', async () => {
      const fatal = randomUUID();
      const { partitions = 0 } =
        catalogue.topics.find(({ name: topic }) => topic === topicOf('lending')) ?? {};
      const before = partitions * MORE_THAN_A_BATCH;
      const others = Array.from({ length: before + 60 }, () => randomUUID());
      const records = [
        ...others.slice(0, before).map((id) => returned(id)),
        returned(fatal),
        ...others.slice(before).map((id) => returned(id)),
        returned(fatal, 2),
      ];
      await publish(log, ...records);

      let starts = 0;
      while (!(await isDone(records.length)) && starts < MOST_STARTS) {
        starts += 1;
        child = start(fatal);
        const exit = once(child, 'exit');
        const alive = () => child!.exitCode === null && child!.signalCode === null;
        while (alive() && !(await isDone(records.length))) {
          await Promise.race([exit, new Promise((resolve) => setTimeout(resolve, 50))]);
        }
      }

      expect(child!.signalCode).toBeNull();
      expect(await rows('SELECT key, kind, attempts, reason FROM dead_letter ORDER BY "offset"')).toEqual([
        {
          key: fatal,
          kind: 'process-died',
          attempts: 3,
          reason: 'The process died 3 times while it handled this record.',
        },
        { key: fatal, kind: 'parked', attempts: 0, reason: expect.stringContaining('an earlier record') },
      ]);
      expect(await rows('SELECT count(*)::integer AS handled FROM inbox')).toEqual([
        { handled: others.length },
      ]);
      // Once unseen, as its batch follows another one; once in its batch, thrice by itself; and the last start lives.
      expect(starts).toBeLessThanOrEqual(6);
    }, 400_000);
  });
}
