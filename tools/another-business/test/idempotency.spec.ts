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

/** What becomes of a request on its way; the request itself is the same. */
const FATES = [
  'well',
  'refused before its effect',
  'fails after its effect',
  'loses its connection before its commit',
  'dies between its commit and its answer',
] as const;
type Fate = (typeof FATES)[number];

/** Called where a request has claimed its key and where it has had its effect. */
let pause: () => Promise<void> = async () => undefined;

/** A write as the services have it: its effect is one event in the outbox. */
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
    // Another one each time, so that an answer that is equal is the same.
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
      imports: [PostgresModule.register({ url: database.url, entities: [] })],
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

  it('have one effect each and one answer, however their requests meet and crash', async () => {
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
          // One step of one request at a time, whichever the scheduler picks, when all have come to a pause.
          while (open > 0) await (scheduler.count() === open ? scheduler.waitOne() : setImmediate());
          const answers = await Promise.all(answering);

          // However it went, the client asks again, and then one of the two requests has won for good.
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
    // The rounds were no idyll: everything that can happen to a request did.
    expect([...met].sort()).toEqual(['201', '404', '409', '422', '500', 'replayed']);
  });
});
