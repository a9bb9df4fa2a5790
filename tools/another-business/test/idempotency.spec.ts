import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Body, Controller, Headers, Module, NotFoundException, Post } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Outbox } from '@atlas/ports/adapters';
import { Idempotent } from '@atlas/service';
import { createTestDatabase, type TestDatabase } from '@atlas/testing';
import fc from 'fast-check';
import { DataSource } from 'typeorm';
import { BookReturned } from './contracts';

/** What happens to a request; the request itself is the same. */
const FATES = [
  'well',
  'refused before its effect',
  'fails after its effect',
  'loses its connection before its commit',
  'dies between its commit and its answer',
] as const;
type Fate = (typeof FATES)[number];

/** Called after a request has claimed its key and after its effect. */
let pause: () => Promise<void> = async () => undefined;

/** A write like those of the services; its effect is one event in the outbox. */
@Controller('returns')
class Returns {
  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    private readonly outbox: Outbox,
  ) {}

  @Post()
  @Idempotent()
  async giveBack(@Body() { id }: { id: string }, @Headers('x-fate') fate: Fate) {
    await pause();
    if (fate === 'refused before its effect') throw new NotFoundException('no such loan');
    await this.outbox.add([
      {
        contract: BookReturned,
        subject: id,
        aggregateVersion: 1,
        data: { loanId: id, memberId: 'ada' },
      },
    ]);
    await pause();
    switch (fate) {
      case 'fails after its effect':
        throw new Error('a defect');
      case 'loses its connection before its commit':
        this.unitOfWork.beforeCommit(async () => {
          await this.unitOfWork.manager.query('SELECT pg_terminate_backend(pg_backend_pid())');
          return false;
        });
        break;
      case 'dies between its commit and its answer':
        this.unitOfWork.afterCommit(() => {
          throw new Error('killed');
        });
        break;
      case 'well':
        break;
    }
    // Different each time, so that equal responses are the same response.
    return { id, receipt: randomUUID() };
  }
}

interface Answer {
  readonly status: number;
  readonly isReplay: boolean;
  readonly body: string;
}

describe('Keys of requests on PostgreSQL', () => {
  let database: TestDatabase;
  let replicas: readonly [NestFastifyApplication, NestFastifyApplication];

  beforeAll(async () => {
    database = await createTestDatabase();
    @Module({
      imports: [PostgresModule.register({ DATABASE_URL: database.url })],
      controllers: [Returns],
    })
    class ReturnsModule {}
    const replica = async () => {
      const module = await Test.createTestingModule({ imports: [ReturnsModule] }).compile();
      const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), {
        logger: false,
      });
      await app.init();
      return app;
    };
    replicas = [await replica(), await replica()];
  });
  afterAll(async () => {
    for (const replica of replicas ?? []) await replica.close();
    await database?.drop();
  });

  const post = async (at: 0 | 1, key: string, id: string, fate: Fate = 'well'): Promise<Answer> => {
    const { statusCode, headers, body } = await replicas[at].inject({
      method: 'POST',
      url: '/returns',
      headers: { 'idempotency-key': key, 'x-fate': fate },
      payload: { id },
    });
    return { status: statusCode, isReplay: headers['idempotency-replayed'] === 'true', body };
  };
  const effectsOn = async (ids: readonly string[]): Promise<readonly string[]> => {
    const rows: { aggregate_id: string }[] = await replicas[0]
      .get(DataSource)
      .query('SELECT aggregate_id FROM outbox WHERE aggregate_id = ANY ($1)', [ids]);
    return rows.map((row) => row.aggregate_id);
  };

  it('have one effect and one response each, however their requests interleave and crash', async () => {
    const request = fc.record({
      key: fc.constantFrom('a' as const, 'b' as const),
      loan: fc.constantFrom(0 as const, 1 as const),
      at: fc.constantFrom(0 as const, 1 as const),
      fate: fc.constantFrom(...FATES),
    });
    const met = new Set<string>();

    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(request, { minLength: 2, maxLength: 8 }),
        async (scheduler, requests) => {
          // Each key is used for two different requests.
          const keys = { a: randomUUID(), b: randomUUID() };
          const loans = { a: [randomUUID(), randomUUID()], b: [randomUUID(), randomUUID()] } as const;

          pause = () => scheduler.schedule(Promise.resolve());
          let open = requests.length;
          const answering = requests.map(async ({ key, loan, at, fate }) => {
            await scheduler.schedule(Promise.resolve());
            const answer = await post(at, keys[key], loans[key][loan], fate);
            met.add(answer.isReplay ? 'replayed' : String(answer.status));
            open -= 1;
            return { key, loan, answer };
          });
          // Runs one step of one request at a time, picked by the scheduler, once all have paused.
          while (open > 0) await (scheduler.count() === open ? scheduler.waitOne() : setImmediate());
          const answers = await Promise.all(answering);

          // Whatever happened, the client retries, and then one of the two requests has won permanently.
          pause = async () => undefined;
          for (const key of ['a', 'b'] as const) {
            const settled = [
              await post(0, keys[key], loans[key][0]),
              await post(1, keys[key], loans[key][1]),
            ];
            expect(settled.map(({ status }) => status).sort()).toEqual([201, 422]);
            const won = settled.findIndex(({ status }) => status === 201);
            expect(await effectsOn(loans[key])).toEqual([loans[key][won]]);
            for (const given of answers) {
              if (given.key !== key || given.answer.status !== 201) continue;
              expect([given.loan, given.answer.body]).toEqual([won, settled[won]?.body]);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
    // Coverage check: everything that can happen to a request has happened.
    expect([...met].sort()).toEqual(['201', '404', '409', '422', '500', 'replayed']);
  });
});
