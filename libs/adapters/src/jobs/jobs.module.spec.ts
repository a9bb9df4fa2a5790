import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createTestDatabase, eventually, type TestDatabase } from '@atlas/testing';
import { PgBoss } from 'pg-boss';
import { JobsModule } from './jobs.module';

/** A use case that the test looks into: it holds each run until it is let go, or fails it. */
class TidyUp {
  static running = 0;
  static mostAtATime = 0;
  static runs = 0;
  static fail = 0;
  static gate: Promise<void> = Promise.resolve();

  async execute(): Promise<void> {
    TidyUp.runs += 1;
    TidyUp.running += 1;
    TidyUp.mostAtATime = Math.max(TidyUp.mostAtATime, TidyUp.running);
    await TidyUp.gate;
    TidyUp.running -= 1;
    if (TidyUp.fail-- > 0) throw new Error('nothing is tidy yet');
  }
}

@Module({})
class Replica {}

describe('A recurring job', () => {
  let database: TestDatabase;
  let replicas: INestApplicationContext[];

  beforeEach(async () => {
    Object.assign(TidyUp, { running: 0, mostAtATime: 0, runs: 0, fail: 0, gate: Promise.resolve() });
    database = await createTestDatabase();
    replicas = [await start(database.url), await start(database.url)];
  });
  afterEach(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
    await database.drop();
  });

  const start = (url: string): Promise<INestApplicationContext> =>
    NestFactory.createApplicationContext(
      {
        module: Replica,
        imports: [
          // Once a year: the test itself says when.
          JobsModule.register({ url, jobs: [{ name: 'tidy-up', cron: '0 0 1 1 *', useCase: TidyUp }] }),
        ],
        providers: [TidyUp],
      },
      { logger: false },
    );
  const send = (replica: INestApplicationContext) =>
    eventually(async () => {
      await replica.get(PgBoss, { strict: false }).send('tidy-up');
      return true;
    });

  it('is run once, however many replicas want it', async () => {
    const gate = Promise.withResolvers<void>();
    TidyUp.gate = gate.promise;
    for (const replica of replicas) await send(replica);
    await eventually(() => TidyUp.running === 1);
    for (const replica of replicas) await send(replica);

    gate.resolve();
    await eventually(() => TidyUp.running === 0);

    expect({ ...TidyUp }).toMatchObject({ runs: 1, mostAtATime: 1 });
  });

  it('is tried again when it fails', async () => {
    TidyUp.fail = 1;
    await send(replicas[0]!);

    await eventually(() => TidyUp.runs === 2);
  });

  it('is finished before its replica stops', async () => {
    const gate = Promise.withResolvers<void>();
    TidyUp.gate = gate.promise;
    await send(replicas[0]!);
    await eventually(() => TidyUp.running === 1);

    const stopped = Promise.all(replicas.map((replica) => replica.close()));
    setImmediate(() => gate.resolve());
    await stopped;

    expect(TidyUp.running).toBe(0);
  });
});
