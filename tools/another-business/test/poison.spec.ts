import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Module } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { EmbeddedPostgres } from '@atlas/adapters/embedded';
import { EventLogModule } from '@atlas/adapters/event-log';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import type { EventOf } from '@atlas/events';
import { type ServiceDefinition, serviceSettings } from '@atlas/service';
import { eventually, recordOf } from '@atlas/testing';
import { type Context, startContext } from '@atlas/testing/context';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { Client } from 'pg';
import { BookReturned, catalogue } from './contracts';

/** How the handler treats a loan; members are only noted. */
type Treatment = 'note' | 'sleep' | 'lock' | 'never' | 'ignore-error' | 'slowly';

const STATEMENT_TIMEOUT_MS = 400;
const EVENT_TIMEOUT_MS = 1_000;

@Controller()
class PoisonedHandler {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {}

  @EventPattern<string>(BookReturned.type)
  async returned(@Payload() { subject, data }: EventOf<typeof BookReturned>): Promise<void> {
    const { manager } = this.unitOfWork;
    await manager.query('INSERT INTO note VALUES ($1)', [subject]);
    switch (data.memberId as Treatment) {
      case 'sleep':
        await manager.query('SELECT pg_sleep(60)');
        return;
      case 'lock':
        await manager.query('UPDATE shelf SET copies = copies + 1');
        return;
      case 'never':
        return new Promise(() => undefined);
      case 'ignore-error':
        await manager.query('SELECT 1 / 0').catch(() => undefined);
        return;
      case 'slowly':
        await manager.query('SELECT pg_sleep(0.3)');
        return;
      case 'note':
    }
  }
}

class Poisoned1795737700000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE note (loan text); CREATE TABLE shelf (copies integer)');
    await runner.query('INSERT INTO shelf VALUES (0)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE note, shelf');
  }
}

@Module({})
class PoisonedModule {}

const settings = serviceSettings({ port: 0 });

const poisonedApp = {
  name: 'poisoned',
  settings,
  module: (values) => ({
    module: PoisonedModule,
    imports: [
      PostgresModule.register(values, {
        migrations: [Poisoned1795737700000],
        statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      }),
      EventLogModule.register('poisoned', values),
    ],
    controllers: [PoisonedHandler],
  }),
  events: catalogue,
} satisfies ServiceDefinition<typeof settings.shape>;

const treated = (treatment: Treatment) => {
  const loanId = randomUUID();
  const data = { loanId, memberId: treatment };
  return recordOf({ contract: BookReturned, subject: loanId, aggregateVersion: 1, data });
};

describe('A consumer on PostgreSQL', () => {
  let folder: string;
  let server: EmbeddedPostgres;
  let consumer: Context;
  let database: Client;

  const start = (port?: number) => EmbeddedPostgres.start({ dataDir: join(folder, 'postgres'), port });
  const connect = async () => {
    database = new Client({ connectionString: server.urlOf('poisoned') });
    database.on('error', () => undefined);
    await database.connect();
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'atlas-poison-'));
    server = await start();
    await server.ensureDatabases(['poisoned']);
    consumer = await startContext(poisonedApp, {
      env: { DATABASE_URL: server.urlOf('poisoned'), EVENT_TIMEOUT_MS: String(EVENT_TIMEOUT_MS) },
    });
    await connect();
  }, 120_000);
  afterAll(async () => {
    await database?.end();
    await consumer?.stop();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  afterEach(() => database.query('TRUNCATE dead_letter'));

  const rows = async <Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> =>
    (await database.query<Row>(sql, values)).rows;
  const letters = () =>
    rows<{ key: string; kind: string; reason: string }>(
      `SELECT convert_from(key, 'UTF8') AS key, kind, reason FROM dead_letter ORDER BY id`,
    );
  const noted = async (...records: readonly { readonly key: string }[]) =>
    (await rows('SELECT FROM note WHERE loan = ANY ($1)', [records.map(({ key }) => key)])).length;

  it('sets aside what exceeds its time in any way, and handles the others', async () => {
    const [sleep, lock, never, ignored] = [
      treated('sleep'),
      treated('lock'),
      treated('never'),
      treated('ignore-error'),
    ];
    const others = Array.from({ length: 20 }, () => treated('note'));
    const holder = new Client({ connectionString: server.urlOf('poisoned') });
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE shelf');

    await consumer.publish(...others.slice(0, 10), sleep, lock, never, ignored, ...others.slice(10));
    await eventually(async () => (await letters()).length === 4, 60_000);
    await consumer.handled(...others);

    await holder.end();
    const reasons = new Map((await letters()).map(({ key, kind, reason }) => [key, `${kind}: ${reason}`]));
    expect(Object.fromEntries(reasons)).toEqual({
      [sleep.key]: 'handler-failed: QueryFailedError: canceling statement due to statement timeout',
      [lock.key]: 'handler-failed: QueryFailedError: canceling statement due to statement timeout',
      [never.key]: expect.stringMatching(
        /^handler-failed: WorkTimeoutError: it was not handled within 1000 ms/,
      ),
      [ignored.key]: expect.stringMatching(/^handler-failed: .*Nothing was committed/),
    });
    expect(await noted(...others)).toBe(others.length);
    expect(await noted(sleep, lock, never, ignored)).toBe(0);
  }, 90_000);

  it('handles a batch in parts if it takes too long only as a whole', async () => {
    const slow = Array.from({ length: 8 }, () => treated('slowly'));
    await consumer.publish(...slow);
    await consumer.handled(...slow);
    expect(await noted(...slow)).toBe(slow.length);
    expect(await letters()).toEqual([]);
  }, 60_000);

  it('sets nothing aside while the server hangs', async () => {
    const backends = await rows<{ pid: number }>('SELECT pid FROM pg_stat_activity');
    const [postmaster = ''] = (await readFile(join(server.dataDir, 'postmaster.pid'), 'utf8')).split('\n');
    const pids = [Number(postmaster), ...backends.map(({ pid }) => pid)];
    const records = Array.from({ length: 5 }, () => treated('note'));

    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await consumer.publish(...records);
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    for (const pid of pids) process.kill(pid, 'SIGCONT');

    await eventually(async () => (await noted(...records)) === records.length, 60_000);
    expect(await letters()).toEqual([]);
  }, 90_000);

  it('sets nothing aside while the server is stopped, even in the middle of an event', async () => {
    const records = Array.from({ length: 5 }, () => treated('slowly'));
    await consumer.publish(...records);
    const { port } = server;
    await server.stop();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    server = await start(port);
    await connect();

    await eventually(async () => (await noted(...records)) === records.length, 60_000);
    expect(await letters()).toEqual([]);
  }, 120_000);
});
