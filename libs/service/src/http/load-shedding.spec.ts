import { request } from 'node:http';
import { promisify } from 'node:util';
import { Body, Controller, Get, Module, Post } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { eventually } from '@atlas/testing';
import { createService, startService } from '../create-service';
import { loadConfig, serviceSettings } from '../config';

let gate = Promise.withResolvers<void>();
let working = 0;

@Controller()
class Loans {
  @Get('slow')
  async slow() {
    working += 1;
    await gate.promise;
    working -= 1;
    return { done: true };
  }

  @Post('loans')
  place(@Body() body: object) {
    return body;
  }
}

@Module({ controllers: [Loans] })
class LoansModule {}

describe('A service with too much to do', () => {
  let app: NestFastifyApplication;
  let url: string;

  const start = async (env: Record<string, string>) => {
    const definition = { name: 'loans', settings: serviceSettings({ port: 0 }), module: () => LoansModule };
    const settings = loadConfig(definition.settings, {
      DATABASE_URL: 'postgres://localhost/loans',
      EVENT_LOG_URL: 'postgres://localhost/event_log',
      LOG_LEVEL: 'silent',
      ...env,
    });
    app = await createService(definition, settings);
    url = await startService(app, settings);
  };
  beforeEach(() => {
    gate = Promise.withResolvers();
    working = 0;
  });
  afterEach(async () => {
    gate.resolve();
    await app.close();
  });

  const three = { HTTP_MIN_IN_FLIGHT: '3', HTTP_MAX_IN_FLIGHT: '3' };
  const get = (path: string) => fetch(url + path);
  const requests = async (count: number) => {
    const answers = Array.from({ length: count }, () => get('/slow'));
    await eventually(async () => working === count);
    return answers;
  };

  it('refuses the next request at once, says when to come back, and answers the others', async () => {
    await start(three);
    const answers = await requests(3);
    const refused = await get('/slow');
    expect(refused.status).toBe(503);
    expect(refused.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(refused.headers.get('retry-after')).toMatch(/^[123]$/);
    expect(refused.headers.get('x-correlation-id')).not.toBeNull();
    expect(await refused.json()).toMatchObject({
      type: 'urn:atlas:problem:overloaded',
      status: 503,
      detail: expect.stringContaining('try again in a few seconds'),
    });
    expect(working).toBe(3);

    gate.resolve();
    for (const answer of await Promise.all(answers)) expect(answer.status).toBe(200);
    expect((await get('/slow')).status).toBe(200);
  });

  it('refuses a write without reading it, and the connection can be used again', async () => {
    await start(three);
    const answers = await requests(3);
    const body = JSON.stringify({ text: 'x'.repeat(100_000) });
    const headers = { 'content-type': 'application/json' };
    for (let round = 0; round < 10; round += 1) {
      const refused = await fetch(`${url}/loans`, { method: 'POST', headers, body });
      expect(refused.status).toBe(503);
      await refused.text();
    }
    gate.resolve();
    await Promise.all(answers);
    expect((await fetch(`${url}/loans`, { method: 'POST', headers, body })).status).toBe(201);
  });

  it('always says how it is', async () => {
    await start(three);
    void (await requests(3));
    expect((await get('/health/live')).status).toBe(200);
    expect((await get('/health/ready')).status).toBe(200);
    expect((await get('/healthy')).status).toBe(503);
  });

  it('counts work whose client has gone until it is done', async () => {
    await start(three);
    const clients = Array.from({ length: 3 }, () => request(`${url}/slow`).on('error', () => undefined));
    for (const client of clients) client.end();
    await eventually(async () => working === 3);
    for (const client of clients) client.destroy();
    const { server } = app.getHttpAdapter().getInstance();
    const openConnections = promisify(server.getConnections.bind(server));
    await eventually(async () => (await openConnections()) === 0);
    expect((await get('/slow')).status).toBe(503);
    gate.resolve();
    await eventually(async () => (await get('/slow')).status === 200);
    // And only once: there is room for three again, and not for more.
    gate = Promise.withResolvers();
    void (await requests(3));
    expect((await get('/slow')).status).toBe(503);
  });

  it('takes in fewer at a time when answers take too long', async () => {
    await start({ HTTP_MIN_IN_FLIGHT: '1', HTTP_MAX_IN_FLIGHT: '40', HTTP_LATENCY_TARGET_MS: '1' });
    const first = await requests(40);
    gate.resolve();
    await Promise.all(first);
    gate = Promise.withResolvers();
    const second = Array.from({ length: 40 }, () => get('/slow'));
    await eventually(async () => working > 0);
    const early = await Promise.any(second);
    expect(early.status).toBe(503);
    gate.resolve();
    await Promise.all(second);
  });

  it('takes all in if it is told to', async () => {
    await start({ ...three, HTTP_LOAD_SHEDDING: 'off' });
    void (await requests(50));
  });

  it('does not start with limits that contradict each other', async () => {
    await expect(start({ HTTP_MIN_IN_FLIGHT: '10', HTTP_MAX_IN_FLIGHT: '5' })).rejects.toThrow(
      'HTTP_MIN_IN_FLIGHT (10) exceeds HTTP_MAX_IN_FLIGHT (5): lower the first or raise the second.',
    );
    await start({});
  });
});
