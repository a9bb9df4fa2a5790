import { gzipSync } from 'node:zlib';
import { Body, Controller, Get, Module, Param, Post, Query } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApiResponse } from '@nestjs/swagger';
import type { HealthCheckResult } from '@nestjs/terminus';
import type { TopicSpec } from '@atlas/events';
import {
  currentFlow,
  Attempts,
  DeadLetters,
  EventLog,
  type Flow,
  IdempotencyStore,
  Inbox,
  Positions,
  UnitOfWork,
} from '@atlas/ports/adapters';
import {
  BookLent,
  eventually,
  lendingCatalogue,
  MemoryAttempts,
  MemoryDatabase,
  MemoryDeadLetters,
  MemoryEventLog,
  MemoryIdempotencyStore,
  MemoryInbox,
  MemoryPositions,
  MemoryUnitOfWork,
} from '@atlas/testing';
import { z } from 'zod';
import { createService, startService } from './create-service';
import { loadConfig, serviceSettings } from './config';
import { Idempotent } from './http/idempotent';
import { Problem } from './http/problem-details';

const requestLoan = z
  .object({
    memberId: z.string().min(1),
    lines: z.array(z.object({ book: z.string(), copies: z.int().min(1) })).min(1),
    'a/b~c': z.string().optional(),
  })
  .meta({ id: 'RequestLoan' });

const failures: Readonly<Record<string, () => Error>> = {
  defect: () => new Error('password=hunter2'),
  refused: () => Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }),
  'shutting-down': () => Object.assign(new Error('query failed'), { driverError: sqlError('57P01') }),
  serialization: () => Object.assign(new Error('query failed'), { driverError: sqlError('40001') }),
  'lost-connection': () => new Error('Connection terminated unexpectedly'),
  'all-lent': () =>
    new Problem({
      status: 409,
      title: 'All lent',
      detail: 'Ask for fewer.',
      errors: [{ pointer: '/lines/0/copies', detail: 'only 2 are here' }],
      headers: { 'Retry-After': '60' },
    }),
};
const sqlError = (code: string) => Object.assign(new Error('terminated'), { code });

@Controller('loans')
class Loans {
  @Post()
  @Idempotent()
  @ApiResponse({ status: 201, standardSchema: z.object({ flow: z.string() }) })
  place(@Body({ schema: requestLoan }) body: z.infer<typeof requestLoan>) {
    return { body, flow: currentFlow() };
  }

  @Get()
  list(@Query({ schema: z.object({ limit: z.coerce.number().int().max(500).default(50) }) }) query: object) {
    return query;
  }

  @Get(':id')
  read(@Param('id', { schema: z.uuid() }) id: string) {
    return { id };
  }

  @Get('fail/:how')
  fail(@Param('how') how: string): never {
    throw failures[how]?.() ?? new Error('unknown failure');
  }

  @EventPattern<string>(BookLent.type)
  placed() {}
}

const database = new MemoryDatabase();
const unitOfWork = new MemoryUnitOfWork(database);
const clock = { now: () => new Date() };
let databaseIsAway = false;
let logIsAway = false;

class SometimesAwayLog extends MemoryEventLog {
  /** The relays of other services would create the topics. */
  override async checkTopics(topics: readonly TopicSpec[]) {
    await this.ensureTopics(topics);
  }

  override async subscribe(...args: Parameters<MemoryEventLog['subscribe']>) {
    if (logIsAway) throw new Error('the log is away');
    return super.subscribe(...args);
  }
}

@Module({
  controllers: [Loans],
  providers: [
    { provide: UnitOfWork, useValue: unitOfWork },
    { provide: IdempotencyStore, useValue: new MemoryIdempotencyStore(unitOfWork, clock) },
    { provide: Inbox, useValue: new MemoryInbox(unitOfWork) },
    { provide: Positions, useValue: new MemoryPositions(unitOfWork) },
    { provide: DeadLetters, useValue: new MemoryDeadLetters(unitOfWork) },
    { provide: Attempts, useValue: new MemoryAttempts(unitOfWork.database) },
    { provide: EventLog, useValue: new SometimesAwayLog() },
  ],
})
class LoansModule {}

describe('A service', () => {
  const settings = loadConfig(serviceSettings({ port: 0 }), {
    DATABASE_URL: 'postgres://localhost/loans',
    EVENT_LOG_URL: 'postgres://localhost/event_log',
    LOG_LEVEL: 'silent',
  });
  let app: NestFastifyApplication;
  let url: string;

  beforeAll(async () => {
    logIsAway = true;
    app = await createService(
      {
        name: 'loans',
        title: 'Loans',
        settings: serviceSettings({ port: 0 }),
        module: () => LoansModule,
        events: lendingCatalogue,
        readiness: {
          database: async () => {
            if (databaseIsAway) throw new Error('connect ECONNREFUSED');
          },
        },
      },
      settings,
    );
    url = await startService(app, settings);
  });
  afterAll(() => app?.close());

  const json = { 'content-type': 'application/json' };
  const call = async (path: string, init?: RequestInit) => {
    const response = await fetch(url + path, init);
    const body = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body,
      problem: () => JSON.parse(body) as Record<string, unknown>,
    };
  };
  const post = (body: string | Buffer<ArrayBuffer>, headers: Record<string, string> = {}) =>
    call('/loans', {
      method: 'POST',
      headers: { ...json, 'idempotency-key': crypto.randomUUID(), ...headers },
      body,
    });
  const loan = { memberId: 'c-1', lines: [{ book: 'Emma', copies: 2 }] };

  describe('refuses with problem details', () => {
    it('a request whose fields are wrong, with a pointer to each', async () => {
      const { status, headers, problem } = await post(
        JSON.stringify({
          lines: [
            { book: 'Emma', copies: 1 },
            { book: 'Ivanhoe', copies: 0 },
          ],
          'a/b~c': 7,
        }),
      );
      expect(status).toBe(400);
      expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
      expect(problem()).toEqual({
        type: 'urn:atlas:problem:invalid-request',
        title: 'Invalid request',
        status: 400,
        detail: 'The request body is invalid; see `errors`.',
        errors: [
          { pointer: '/memberId', detail: expect.stringContaining('expected string') },
          { pointer: '/lines/1/copies', detail: expect.stringContaining('>=1') },
          { pointer: '/a~1b~0c', detail: expect.stringContaining('expected string') },
        ],
      });
    });

    it('wrong parts of the path and the query, by name', async () => {
      expect((await call('/loans/seven')).problem()).toMatchObject({
        status: 400,
        errors: [{ in: 'path', pointer: '/id', detail: 'Invalid UUID' }],
      });
      expect((await call('/loans?limit=9999')).problem()).toMatchObject({
        status: 400,
        errors: [{ in: 'query', pointer: '/limit', detail: expect.stringContaining('<=500') }],
      });
    });

    it('a thousand wrong lines, with the first hundred', async () => {
      const lines = Array.from({ length: 1_000 }, () => ({ book: 'Emma', copies: 0 }));
      const { problem } = await post(JSON.stringify({ ...loan, lines }));
      expect(problem().errors).toHaveLength(100);
    });

    it.each([
      ['text instead of JSON', 415, 'Unsupported media type', '{}', { 'content-type': 'text/plain' }],
      [
        'a form',
        415,
        'Unsupported media type',
        'a=b',
        { 'content-type': 'application/x-www-form-urlencoded' },
      ],
      ['half a JSON value', 400, 'Invalid JSON', '{"memberId":', {}],
      ['an empty body', 400, 'Invalid JSON', '', {}],
      ['a body of more than 1 MiB', 413, 'Body too large', JSON.stringify('x'.repeat(1_048_577)), {}],
      ['a body as deep as the sea', 400, 'Invalid JSON', '['.repeat(500_000) + ']'.repeat(500_000), {}],
    ])('%s', async (_what, status, title, body, headers) => {
      const answer = await post(body, headers);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.problem()).toMatchObject({
        status,
        title,
        detail: expect.stringMatching(/^The body .*\.$/),
      });
    });

    it.each([
      ['an unknown path', 404, '/nothing', 'GET'],
      ['a method that a path does not take', 404, '/loans', 'DELETE'],
      ['a path that is no valid encoding', 400, '/loans/%zz', 'GET'],
      ['an id that is far too long', 414, `/loans/${'x'.repeat(1_000)}`, 'GET'],
    ])('%s', async (_what, status, path, method) => {
      const answer = await call(path, { method });
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.problem()).toMatchObject({ status, detail: expect.stringMatching(/\.$/) });
    });

    it.each([
      ['gzip', gzipSync(JSON.stringify(loan))],
      ['br', Buffer.from(JSON.stringify(loan))],
      ['identity, gzip', gzipSync(JSON.stringify(loan))],
    ])('a body with the content encoding %s', async (encoding, body) => {
      const { status, headers, problem } = await post(body, { 'content-encoding': encoding });
      expect(status).toBe(415);
      expect(headers.get('accept-encoding')).toBe('identity');
      expect(problem()).toMatchObject({
        title: 'Unsupported content encoding',
        detail: expect.stringContaining('send it as it is'),
      });
    });

    it('a body that is no UTF-8', async () => {
      const body = Buffer.from(JSON.stringify({ ...loan, memberId: 'Zo\u00eb' }), 'latin1');
      const { status, problem } = await post(body);
      expect(status).toBe(400);
      expect(problem()).toMatchObject({ title: 'Invalid JSON', detail: expect.stringContaining('UTF-8') });
    });

    it.each([
      ['a lone surrogate', '"memberId":"a\\ud800b"', '/memberId', 'half of a surrogate pair'],
      ['a lone surrogate in a list', '"x":[{"y":["ok","\\udfff"]}]', '/x/0/y/1', 'half of a surrogate pair'],
      ['a name with a lone surrogate', '"\\ud800":1', '/\ud800', 'half of a surrogate pair'],
      ['U+0000', '"memberId":"\\u0000"', '/memberId', 'U+0000'],
      ['a name with U+0000', '"a\\u0000":{}', '/a\0', 'U+0000'],
      ['a prototype', '"__proto__":{"x":1}', '/__proto__', 'not allowed'],
      [
        'a prototype by an escaped name',
        '"lines":[{"\\u005f_proto__":1}]',
        '/lines/0/__proto__',
        'not allowed',
      ],
      [
        'a prototype by way of the constructor',
        '"constructor":{"prototype":{}}',
        '/constructor',
        'not allowed',
      ],
    ])('a body with %s, with a pointer to it', async (_what, field, pointer, sentence) => {
      const { status, problem } = await post(`${JSON.stringify(loan).slice(0, -1)},${field}}`);
      expect(status).toBe(400);
      expect(problem()).toMatchObject({
        title: 'Invalid request',
        detail: 'The request body is invalid; see `errors`.',
        errors: [{ pointer, detail: expect.stringContaining(sentence) }],
      });
    });

    it.each([
      ['/loans/a%00b', [{ in: 'path', pointer: '/id', detail: expect.stringContaining('U+0000') }]],
      ['/loans?limit=%00', [{ in: 'query', pointer: '/limit', detail: expect.stringContaining('U+0000') }]],
      ['/loans?a=1&a=%00', [{ in: 'query', pointer: '/a/1', detail: expect.stringContaining('U+0000') }]],
      [
        '/loans?__proto__=1',
        [{ in: 'query', pointer: '/__proto__', detail: expect.stringContaining('not') }],
      ],
    ])('text that cannot be stored: %s', async (path, errors) => {
      const { status, problem } = await call(path);
      expect(status).toBe(400);
      expect(problem()).toMatchObject({ title: 'Invalid request', errors });
    });

    it.each(['/loans/%ED%A0%80', '/loans?limit=%ED%A0%80', '/loans?limit=5%', '/loans?q=%ff'])(
      'a URL that is no encoding of UTF-8: %s',
      async (path) => {
        const { status, problem } = await call(path);
        expect(status).toBe(400);
        expect(problem()).toMatchObject({ title: 'Invalid URL' });
      },
    );

    it('what its own code refuses, as that says it', async () => {
      const { status, headers, problem } = await call('/loans/fail/all-lent');
      expect(status).toBe(409);
      expect(headers.get('retry-after')).toBe('60');
      expect(problem()).toEqual({
        type: 'urn:atlas:problem:all-lent',
        title: 'All lent',
        status: 409,
        detail: 'Ask for fewer.',
        errors: [{ pointer: '/lines/0/copies', detail: 'only 2 are here' }],
      });
    });

    it('a write without an idempotency key', async () => {
      const { status, headers, problem } = await call('/loans', {
        method: 'POST',
        headers: json,
        body: '{}',
      });
      expect(status).toBe(400);
      expect(headers.get('content-type')).toContain('application/problem+json');
      expect(problem()).toMatchObject({ title: 'Idempotency-Key missing' });
    });
  });

  it('takes a body with brackets in its texts for as flat as it is', async () => {
    const { status } = await post(JSON.stringify({ ...loan, memberId: '[{"'.repeat(100) + '\\' }));
    expect(status).toBe(201);
  });

  it('takes every character that there is', async () => {
    const memberId = 'Zoë \u{1f4da} \u0001 \ufffd';
    const { status, body } = await post(JSON.stringify({ ...loan, memberId }), {
      'content-encoding': 'identity',
    });
    expect(status).toBe(201);
    expect(JSON.parse(body)).toMatchObject({ body: { memberId } });
    expect((await call('/loans?limit=7&q=Zo%C3%AB+%25')).status).toBe(200);
  });

  it('says nothing about its insides when it fails, but how to report it', async () => {
    const { status, body, headers, problem } = await call('/loans/fail/defect');
    expect(status).toBe(500);
    expect(body).not.toContain('hunter2');
    expect(problem().detail).toContain(headers.get('x-correlation-id'));
  });

  it.each(['refused', 'shutting-down', 'serialization', 'lost-connection'])(
    'asks to come back when its database is away: %s',
    async (how) => {
      const { status, headers, problem } = await call(`/loans/fail/${how}`);
      expect(status).toBe(503);
      expect(headers.get('retry-after')).toBe('2');
      expect(problem()).toMatchObject({ title: 'Temporarily unavailable', status: 503 });
    },
  );

  describe('lets work flow on under one correlation id', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const flowOf = async (headers: Record<string, string>) => {
      const answer = await post(JSON.stringify(loan), headers);
      return {
        echoed: answer.headers.get('x-correlation-id'),
        flow: (JSON.parse(answer.body) as { flow: Flow }).flow,
      };
    };

    it('the one that a request brings, in its trace, as a span of its own', async () => {
      const { echoed, flow } = await flowOf({ 'x-correlation-id': 'web-42', traceparent });
      expect([echoed, flow.correlationId]).toEqual(['web-42', 'web-42']);
      expect(flow.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
      expect(flow.traceparent).not.toBe(traceparent);
    });

    it('a new one, if a request brings none or nonsense', async () => {
      for (const headers of [
        {},
        { 'x-correlation-id': 'a b\tc', traceparent: '00-0-0-0' },
        { 'x-correlation-id': 'x'.repeat(129) },
      ]) {
        const { echoed, flow } = await flowOf(headers as Record<string, string>);
        expect(echoed).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-/);
        expect(flow).toEqual({
          correlationId: echoed,
          traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-02$/),
        });
      }
    });

    it('each request its own, however many there are at a time', async () => {
      const ids = Array.from({ length: 50 }, (_, index) => `web-${index}`);
      const flows = await Promise.all(ids.map((id) => flowOf({ 'x-correlation-id': id })));
      expect(flows.map(({ flow }) => flow.correlationId)).toEqual(ids);
    });
  });

  it('describes its API, with its schemas, its problems and the key that a write needs', async () => {
    const document = JSON.parse((await call('/docs-json')).body);
    const { post: place, get: list } = document.paths['/loans'];
    expect(document.info.title).toBe('Loans');
    expect(place.requestBody.content['application/json'].schema).toEqual({
      $ref: '#/components/schemas/RequestLoan',
    });
    expect(document.components.schemas.RequestLoan.properties.lines.items.properties.copies).toMatchObject({
      type: 'integer',
      minimum: 1,
    });
    expect(place.parameters).toEqual([
      expect.objectContaining({ in: 'header', name: 'Idempotency-Key', required: true }),
    ]);
    expect(place.responses['201'].content['application/json'].schema.properties).toHaveProperty('flow');
    expect(place.responses.default.content).toHaveProperty('application/problem+json');
    expect(list.parameters).toEqual([
      expect.objectContaining({ in: 'query', name: 'limit', required: false }),
    ]);
    const page = await call('/docs');
    expect(page.headers.get('content-type')).toContain('text/html');
    const script = page.body.match(/src="(\.\/docs\/swagger-ui-bundle\.js)"/)?.[1];
    expect((await call(`/${script}`)).status).toBe(200);
  });

  it('is alive whatever is away, ready only with its database, and degraded without the log', async () => {
    const ready = async () => {
      const { status, body } = await call('/health/ready');
      return { status, details: (JSON.parse(body) as HealthCheckResult).details };
    };
    expect(await ready()).toMatchObject({
      status: 200,
      details: { database: { status: 'up' }, events: { status: 'degraded' } },
    });
    databaseIsAway = true;
    expect(await ready()).toMatchObject({ status: 503, details: { database: { status: 'down' } } });
    expect(await call('/health/live')).toMatchObject({ status: 200 });
    databaseIsAway = false;
    logIsAway = false;
    await eventually(async () => (await ready()).details['events']?.status === 'up');
  });
});
