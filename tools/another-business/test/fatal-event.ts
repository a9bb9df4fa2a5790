import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { type EventLogSettings, openEventLog } from '@atlas/adapters/event-log';
import { topicOf } from '@atlas/events';
import type { EventLog } from '@atlas/ports/adapters';
import { createTestDatabase, publish, recordOf, type TestDatabase } from '@atlas/testing';
import { Client } from 'pg';
import { BookReturned, catalogue } from './contracts';

/** An upper bound; each start ends in a crash. */
const MOST_STARTS = 12;

/** More records in a partition than a batch can hold. */
const MORE_THAN_A_BATCH = 250;

const returned = (loanId: string, aggregateVersion = 1) =>
  recordOf({
    contract: BookReturned,
    subject: loanId,
    aggregateVersion,
    data: { loanId, memberId: 'ada' },
  });

/** The location of an event log, and how to dispose of it. */
export interface LogUnderTest {
  readonly settings: Pick<EventLogSettings, 'EVENT_LOG_URL' | 'KAFKA_PREFIX'>;
  drop(): Promise<void>;
}

/** Tests an event that crashes every process that handles it, on the log that `open` returns. */
export function describeFatalEvent(name: string, open: () => Promise<LogUnderTest>): void {
  describe(`An event that crashes its consumer, on ${name}`, () => {
    let place: LogUnderTest;
    let own: TestDatabase;
    let log: EventLog;
    let database: Client;
    let child: ChildProcess | undefined;

    beforeAll(async () => {
      place = await open();
      own = await createTestDatabase();
      log = await openEventLog('test', place.settings, () => undefined);
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
          ...place.settings,
          FATAL_LOAN: fatalLoan,
          LOG_LEVEL: 'error',
        },
        stdio: 'inherit',
      });
    }

    const rows = async <Row extends object>(sql: string, ...values: unknown[]): Promise<Row[]> =>
      (await database.query<Row>(sql, values)).rows;

    /** Whether every event was handled or dead-lettered. */
    const isDone = async (events: number): Promise<boolean> => {
      const [row] = await rows<{ done: number }>(
        'SELECT ((SELECT count(*) FROM inbox) + (SELECT count(*) FROM dead_letter))::integer AS done',
      ).catch(() => []);
      return row?.done === events;
    };

    it("is dead-lettered after a few crashes, with its loan's later events; all others are handled", async () => {
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
      const letters = await rows(
        `SELECT convert_from(key, 'UTF8') AS key, kind, attempts, reason FROM dead_letter ORDER BY "offset"`,
      );
      expect(letters).toEqual([
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
      // One crash unattributed, as its batch follows another one; one in its batch, three alone; and the last start
      // survives.
      expect(starts).toBeLessThanOrEqual(6);
    }, 400_000);
  });
}
