import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Body, Controller, Headers, HttpCode, NotFoundException, Param, Post, Res } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { IdempotencyStore, Outbox, UnitOfWork } from '@atlas/ports/adapters';
import {
  BookReturned,
  MemoryDatabase,
  MemoryIdempotencyStore,
  MemoryOutbox,
  MemoryUnitOfWork,
  SerializationFailure,
} from '@atlas/testing';
import fc from 'fast-check';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Idempotent } from './idempotent';
import { ProblemFilter } from './problem.filter';
import { ValidationPipe } from './validation.pipe';

const DAY_MS = 86_400_000;

const requestLoan = z.object({ id: z.uuid(), reason: z.string().optional() });

/** What becomes of a request on its way; the request itself is the same. */
const FATES = [
  'well',
  'refused before its effect',
  'fails after its effect',
  'dies at its commit',
  'dies after its commit',
  'is run again',
] as const;
type Fate = (typeof FATES)[number];

class CountingUnitOfWork extends MemoryUnitOfWork {
  transactions = 0;

  override run<T>(work: () => Promise<T>): Promise<T> {
    this.transactions += 1;
    return super.run(work);
  }
}

/** The routes of a service that takes books back; each effect is one event in its outbox. */
class World {
  readonly database = new MemoryDatabase();
  now = Date.parse('2026-01-01T00:00:00Z');
  readonly clock = { now: () => new Date(this.now) };
  /** Called where a request has claimed its key and where it has had its effect. */
  pause: () => Promise<void> = async () => undefined;

  private readonly apps: NestFastifyApplication[] = [];

  /** Starts another replica of the service, on the same database. */
  async replica(): Promise<Replica> {
    const doomed = new Map<object, Error>();
    const unitOfWork = new CountingUnitOfWork(this.database, {
      beforeCommit: (transaction) => {
        const error = doomed.get(transaction);
        if (error) throw error;
      },
    });
    const outbox = new MemoryOutbox(unitOfWork, this.clock, { next: () => randomUUID() });
    const pause = () => this.pause();
    let runs = 0;

    @Controller('loans')
    class Loans {
      @Post()
      @Idempotent()
      async request(
        @Body({ schema: requestLoan }) { id, reason }: z.infer<typeof requestLoan>,
        @Headers('x-fate') fate: Fate,
        @Res({ passthrough: true }) reply: FastifyReply,
      ) {
        await pause();
        if (fate === 'refused before its effect') throw new NotFoundException('no such member');
        const run = (runs += 1);
        if (fate === 'is run again' && !reply.request.headers['x-ran']) {
          reply.request.headers['x-ran'] = 'once';
          void reply.header('x-first-run', 'yes');
          doomed.set(unitOfWork.current, new SerializationFailure());
        }
        await outbox.add([
          {
            contract: BookReturned,
            subject: id,
            aggregateVersion: 1,
            data: { loanId: id, condition: 'good' },
          },
        ]);
        await pause();
        if (fate === 'fails after its effect') throw new Error('a defect');
        const killed = new Error('killed');
        if (fate === 'dies at its commit') doomed.set(unitOfWork.current, killed);
        if (fate === 'dies after its commit') {
          unitOfWork.afterCommit(() => {
            throw killed;
          });
        }
        void reply.header('Location', `/loans/${id}`);
        return { id, reason, run, at: new Date(0), none: undefined };
      }

      @Post(':id/return')
      @HttpCode(200)
      @Idempotent()
      giveBack(@Param('id', { schema: z.uuid() }) id: string) {
        return { id, returned: true };
      }
    }
    const module = await Test.createTestingModule({
      controllers: [Loans],
      providers: [
        { provide: UnitOfWork, useValue: unitOfWork },
        { provide: Outbox, useValue: outbox },
        { provide: IdempotencyStore, useValue: new MemoryIdempotencyStore(unitOfWork, this.clock) },
      ],
    }).compile();
    const adapter = new FastifyAdapter();
    const app = module.createNestApplication<NestFastifyApplication>(adapter, { logger: false });
    app.useGlobalGuards({
      canActivate: (context) => {
        const request = context.switchToHttp().getRequest<FastifyRequest>();
        request.principal = request.headers['x-principal']?.toString();
        return true;
      },
    });
    app.useGlobalPipes(new ValidationPipe());
    app.useGlobalFilters(new ProblemFilter(adapter));
    this.apps.push(app);
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    return {
      transactions: () => unitOfWork.transactions,
      post: async (key, payload, { url = '/loans', fate = 'well', principal } = {}) => {
        const { statusCode, headers, body } = await app.inject({
          method: 'POST',
          url,
          headers: {
            'x-fate': fate,
            ...(principal && { 'x-principal': principal }),
            ...(key !== undefined && { 'idempotency-key': key }),
          },
          payload,
        });
        return { status: statusCode, headers, body };
      },
    };
  }

  /** The loans that took effect, in order. */
  effects(): readonly string[] {
    return this.database.outbox.map(({ event }) => event.subject);
  }

  async close(): Promise<void> {
    await Promise.all(this.apps.map((app) => app.close()));
  }
}

interface Replica {
  /** How many units of work it has opened. */
  transactions(): number;
  post(
    key: string | undefined,
    payload: object,
    options?: { url?: string; fate?: Fate; principal?: string },
  ): Promise<Answer>;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

describe('An idempotent route', () => {
  let world: World;
  let replica: Replica;
  const [LOAN, OTHER] = [randomUUID(), randomUUID()];

  beforeEach(async () => {
    world = new World();
    replica = await world.replica();
  });
  afterEach(() => world.close());

  it('gives its first answer again, to the byte, and has its effect once', async () => {
    const first = await replica.post('key', { id: LOAN, reason: 'ä "quoted" \u2028' });
    const again = await (await world.replica()).post('key', { reason: 'ä "quoted" \u2028', id: LOAN });
    expect(first).toMatchObject({ status: 201, headers: { location: `/loans/${LOAN}` } });
    expect(first.headers).not.toHaveProperty('idempotency-replayed');
    expect(again).toMatchObject({
      status: 201,
      headers: {
        location: `/loans/${LOAN}`,
        'content-type': first.headers['content-type'],
        'idempotency-replayed': 'true',
      },
      body: first.body,
    });
    expect(world.effects()).toEqual([LOAN]);
  });

  it('keeps the status that the route gives', async () => {
    const first = await replica.post('key', {}, { url: `/loans/${LOAN}/return` });
    const again = await replica.post('key', {}, { url: `/loans/${LOAN}/return` });
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.body).toBe(first.body);
  });

  it('refuses a key that came with another request', async () => {
    await replica.post('key', { id: LOAN });
    await replica.post('key', {}, { url: `/loans/${LOAN}/return` });
    const otherBody = await replica.post('key', { id: OTHER });
    const otherLoan = await replica.post('key', {}, { url: `/loans/${OTHER}/return` });
    for (const { status, body } of [otherBody, otherLoan]) {
      expect(status).toBe(422);
      expect(JSON.parse(body)).toMatchObject({
        type: 'urn:atlas:problem:idempotency-key-used-for-another-request',
        status: 422,
        detail: expect.stringContaining('send this one with a new key'),
      });
    }
    expect(world.effects()).toEqual([LOAN]);
  });

  it('keeps the keys of each principal apart', async () => {
    await replica.post('key', { id: LOAN }, { principal: 'ada' });
    const ofAnother = await replica.post('key', { id: OTHER }, { principal: 'grace' });
    const again = await replica.post('key', { id: LOAN }, { principal: 'ada' });
    expect(ofAnother).toMatchObject({ status: 201, headers: { location: `/loans/${OTHER}` } });
    expect(again).toMatchObject({ status: 201, headers: { 'idempotency-replayed': 'true' } });
    expect(world.effects()).toEqual([LOAN, OTHER]);
  });

  it('says that the first request is still being worked on, on any replica', async () => {
    const [claimed, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    world.pause = () => {
      claimed.resolve();
      return gate.promise;
    };
    const first = replica.post('key', { id: LOAN });
    await claimed.promise;
    const meanwhile = await (await world.replica()).post('key', { id: LOAN });
    expect(meanwhile).toMatchObject({ status: 409, headers: { 'retry-after': '1' } });
    expect(JSON.parse(meanwhile.body)).toMatchObject({ title: 'Request in progress', status: 409 });
    gate.resolve();
    expect(await first).toMatchObject({ status: 201 });
    expect((await replica.post('key', { id: LOAN })).body).toBe((await first).body);
    expect(world.effects()).toEqual([LOAN]);
  });

  it.each([
    ['no key', undefined, 'needs the header'],
    ['an empty key', '', 'needs the header'],
    ['a key with a space', 'a b', '1 to 255 visible ASCII characters'],
    ['a key beyond ASCII', 'sch\u00f6n', '1 to 255 visible ASCII characters'],
    ['too long a key', 'k'.repeat(256), '1 to 255 visible ASCII characters'],
  ])('asks for a proper key when there is %s', async (_case, key, sentence) => {
    const { status, body } = await replica.post(key, { id: LOAN });
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ status: 400, detail: expect.stringContaining(sentence) });
    expect(world.effects()).toEqual([]);
  });

  it('takes the longest key that is allowed', async () => {
    expect(await replica.post('~'.repeat(255), { id: LOAN })).toMatchObject({ status: 201 });
  });

  it.each([
    ['body', '/loans', { id: 'seven' }],
    ['path', '/loans/seven/return', {}],
  ])(
    'opens no transaction for an invalid %s, and leaves its key for the corrected request',
    async (_what, url, payload) => {
      const refused = await replica.post('key', payload, { url });
      expect(refused.status).toBe(400);
      expect(JSON.parse(refused.body)).toMatchObject({ title: 'Invalid request', status: 400 });
      expect(replica.transactions()).toBe(0);
      const corrected = await replica.post('key', { id: LOAN });
      expect(corrected.status).toBe(201);
      expect(corrected.headers).not.toHaveProperty('idempotency-replayed');
      expect(replica.transactions()).toBeGreaterThan(0);
    },
  );

  it('refuses an invalid request also under a key that was used', async () => {
    await replica.post('key', { id: LOAN });
    expect(await replica.post('key', { id: 'seven' })).toMatchObject({ status: 400 });
    expect(await replica.post('key', { id: LOAN })).toMatchObject({
      status: 201,
      headers: { 'idempotency-replayed': 'true' },
    });
  });

  it('keeps no refusal, so that the same key can succeed later', async () => {
    const refused = await replica.post('key', { id: LOAN }, { fate: 'refused before its effect' });
    expect(refused.status).toBe(404);
    expect(await replica.post('key', { id: LOAN })).toMatchObject({ status: 201 });
    expect(world.effects()).toEqual([LOAN]);
  });

  it('has neither effect nor answer when it dies at its commit', async () => {
    const died = await replica.post('key', { id: LOAN }, { fate: 'dies at its commit' });
    expect(died.status).toBe(500);
    expect(world.effects()).toEqual([]);
    const again = await replica.post('key', { id: LOAN });
    expect(again.status).toBe(201);
    expect(again.headers).not.toHaveProperty('idempotency-replayed');
    expect(world.effects()).toEqual([LOAN]);
  });

  it('has both when it dies between its commit and its answer', async () => {
    const died = await replica.post('key', { id: LOAN }, { fate: 'dies after its commit' });
    expect(died.status).toBe(500);
    const again = await replica.post('key', { id: LOAN });
    expect(again).toMatchObject({ status: 201, headers: { 'idempotency-replayed': 'true' } });
    expect(world.effects()).toEqual([LOAN]);
  });

  it('answers with its last run when the database has it run again', async () => {
    const answer = await replica.post('key', { id: LOAN }, { fate: 'is run again' });
    expect(answer.status).toBe(201);
    expect(JSON.parse(answer.body)).toMatchObject({ run: 2 });
    expect(answer.headers).not.toHaveProperty('x-first-run');
    expect(world.effects()).toEqual([LOAN]);
  });

  it('forgets a key after a day', async () => {
    await replica.post('key', { id: LOAN });
    world.now += DAY_MS;
    const again = await replica.post('key', { id: OTHER });
    expect(again).toMatchObject({ status: 201, headers: { location: `/loans/${OTHER}` } });
    expect(world.effects()).toEqual([LOAN, OTHER]);
  });

  it('has one effect per key, however requests meet and crash', async () => {
    const replicas = [replica, await world.replica()] as const;
    const request = fc.record({
      key: fc.constantFrom('a', 'b'),
      loan: fc.constantFrom(0, 1),
      at: fc.constantFrom(0, 1),
      fate: fc.constantFrom(...FATES),
    });
    const met = new Map<number | 'replayed', number>();

    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(request, { minLength: 2, maxLength: 8 }),
        async (scheduler, requests) => {
          world.database.outbox.length = 0;
          const run = randomUUID();
          // Each key is used for two different requests.
          const loans = { a: [randomUUID(), randomUUID()], b: [randomUUID(), randomUUID()] } as const;
          const payload = (key: string, loan: number) => ({ id: loans[key as 'a' | 'b'][loan] });

          world.pause = () => scheduler.schedule(Promise.resolve());
          let open = requests.length;
          const answering = requests.map(async ({ key, loan, at, fate }) => {
            await scheduler.schedule(Promise.resolve());
            const answer = await replicas[at].post(`${run}-${key}`, payload(key, loan), { fate });
            const kind = answer.headers['idempotency-replayed'] ? 'replayed' : answer.status;
            met.set(kind, (met.get(kind) ?? 0) + 1);
            open -= 1;
            return { key, answer };
          });
          // One step of one request at a time, whichever the scheduler picks, when all have come to a pause.
          while (open > 0) await (scheduler.count() === open ? scheduler.waitOne() : setImmediate());
          const answers = await Promise.all(answering);

          // However it went, the client asks again, and then one of the two requests has won for good.
          world.pause = async () => undefined;
          for (const key of ['a', 'b'] as const) {
            const settled = [
              await replica.post(`${run}-${key}`, payload(key, 0)),
              await replica.post(`${run}-${key}`, payload(key, 1)),
            ];
            const won = settled.findIndex(({ status }) => status === 201);
            expect(settled.map(({ status }) => status).sort()).toEqual([201, 422]);
            const effects = world.effects().filter((loan) => loans[key].some((ours) => ours === loan));
            expect(effects).toEqual([loans[key][won]]);
            for (const { key: its, answer } of answers) {
              if (its === key && answer.status === 201) expect(answer.body).toBe(settled[won]?.body);
            }
          }
        },
      ),
      { numRuns: 200 },
    );
    // Every possible outcome of a request occurred.
    expect([...met.keys()].map(String).sort()).toEqual(['201', '404', '409', '422', '500', 'replayed']);
  });
});
