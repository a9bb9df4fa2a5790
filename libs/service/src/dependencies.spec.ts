import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Declarations, Resilience, ResilienceModule } from '@atlas/resilience';
import { createService, startService } from './create-service';
import { loadConfig, serviceSettings } from './config';

describe('A service that depends on others', () => {
  let app: NestFastifyApplication | undefined;
  let url: string;

  const start = async (declarations?: Declarations) => {
    @Module({ imports: declarations ? [ResilienceModule.register(declarations)] : [] })
    class LendingModule {}
    const settings = serviceSettings({ port: 0 });
    const values = loadConfig(settings, {
      DATABASE_URL: 'postgres://localhost/lending',
      EVENT_LOG_URL: 'postgres://localhost/event_log',
      LOG_LEVEL: 'silent',
    });
    app = await createService({ name: 'lending', settings, module: () => LendingModule }, values);
    url = await startService(app, values);
    return app;
  };
  afterEach(async () => {
    delete process.env['RESILIENCE_PROVIDR_TIMEOUT_MS'];
    await app?.close();
    app = undefined;
  });

  it('shows the circuit to each, and is degraded, but ready, while one is open', async () => {
    const running = await start({ provider: { breaker: { failures: 1 } }, cache: { breaker: false } });
    const health = async () => {
      const response = await fetch(`${url}/health/ready`);
      return { status: response.status, body: await response.json() };
    };
    expect(await health()).toMatchObject({
      status: 200,
      body: { details: { provider: { status: 'up', breaker: 'closed' }, cache: { status: 'up' } } },
    });
    const provider = running.get(Resilience).policy('provider');
    await expect(provider.execute(() => Promise.reject(new Error('out of order')))).rejects.toThrow();
    expect(await health()).toMatchObject({
      status: 200,
      body: {
        details: {
          provider: { status: 'degraded', breaker: 'open', since: expect.stringMatching(/^2/) },
          cache: { status: 'up' },
        },
      },
    });
  });

  it.each([
    ['is not the name of any of them', { provider: {} }, 'it has RESILIENCE_PROVIDER_DEADLINE_ENABLED'],
    ['is for one, where there is none', undefined, 'has no dependencies of its own'],
  ])('does not start with a setting that %s', async (_case, declarations, sentence) => {
    process.env['RESILIENCE_PROVIDR_TIMEOUT_MS'] = '70';
    await expect(start(declarations)).rejects.toThrow(sentence);
  });
});
