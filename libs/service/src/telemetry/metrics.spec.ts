import { request } from 'node:http';
import { Controller, Get, Module, Param } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { metrics } from '@opentelemetry/api';
import { eventually, type MetricSample, parsePrometheusText } from '@atlas/testing';
import { createService, startService } from '../create-service';
import { loadConfig, serviceSettings } from '../config';

const isAsked = Promise.withResolvers<void>();

@Controller('loans')
class Loans {
  @Get(':id')
  async read(@Param('id') id: string) {
    if (id === 'broken') throw new Error('a defect');
    if (id === 'slow') {
      isAsked.resolve();
      await new Promise(() => undefined);
    }
    return { id };
  }
}

@Module({ controllers: [Loans] })
class LoansModule {}

describe('The metrics of a service', () => {
  let app: NestFastifyApplication;
  let url: string;

  beforeAll(async () => {
    const shape = serviceSettings({ port: 0 });
    const settings = loadConfig(shape, {
      DATABASE_URL: 'postgres://localhost/loans',
      EVENT_LOG_URL: 'postgres://localhost/event_log',
      LOG_LEVEL: 'silent',
    });
    app = await createService({ name: 'loans', settings: shape, module: () => LoansModule }, settings);
    url = await startService(app, settings);
  });
  afterAll(() => app?.close());

  const scrape = async () => parsePrometheusText(await (await fetch(`${url}/metrics`)).text());
  const samplesOf = async (family: string) => (await scrape()).get(family)?.samples ?? [];
  const valueOf = (samples: readonly MetricSample[], name: string, labels: MetricSample['labels'] = {}) =>
    samples.find(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )?.value;

  const DURATION = 'http_server_request_duration_seconds';
  const requests = async (labels: MetricSample['labels']) =>
    valueOf(await samplesOf(DURATION), `${DURATION}_count`, labels) ?? 0;

  it('are in the format that Prometheus wants, whichever it says it would like better', async () => {
    const accept =
      'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.4,*/*;q=0.2';
    const answer = await fetch(`${url}/metrics`, { headers: { accept } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('say whose they are', async () => {
    const [target] = await samplesOf('target_info');
    expect(target?.labels).toMatchObject({
      service_namespace: 'atlas',
      service_name: 'loans',
      service_instance_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it('tell how long requests took, by route, method and status', async () => {
    for (const id of ['1', '2', 'broken']) await fetch(`${url}/loans/${id}`);
    const route = { http_route: '/loans/:id', http_request_method: 'GET' };
    await eventually(async () => (await requests({ ...route, http_response_status_code: '200' })) === 2);
    expect(await requests({ ...route, http_response_status_code: '500', error_type: '500' })).toBe(1);

    const family = (await scrape()).get(DURATION);
    const buckets = family?.samples.filter(
      ({ name, labels }) =>
        name === `${DURATION}_bucket` &&
        labels['http_route'] === '/loans/:id' &&
        labels['http_response_status_code'] === '200',
    );
    expect(family?.type).toBe('histogram');
    expect(buckets?.map(({ labels }) => labels['le'])).toEqual(
      '0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 +Inf'.split(' '),
    );
    expect(buckets?.at(-1)?.value).toBe(2);
  });

  it('count a request whose client has gone without an answer', async () => {
    const impatient = request(`${url}/loans/slow`).end();
    impatient.on('error', () => undefined);
    await isAsked.promise;
    impatient.destroy();
    await eventually(async () => (await requests({ http_route: '/loans/:id', error_type: 'aborted' })) === 1);
  });

  it('have no more series, however many paths clients make up', async () => {
    await fetch(`${url}/nothing`);
    const series = async () => {
      const families = [...(await scrape()).values()];
      return families.reduce((sum, { samples }) => sum + samples.length, 0);
    };
    await eventually(async () => (await requests({ http_response_status_code: '404' })) === 1);
    const before = await samplesOf(DURATION);
    for (let n = 0; n < 50; n++) await fetch(`${url}/nothing/${n}?q=${n}`, { method: n % 2 ? 'PUT' : 'GET' });
    await eventually(async () => (await requests({ http_response_status_code: '404' })) === 26);
    expect(await series()).toBeLessThan(500);
    const known = before.filter(({ labels }) => labels['http_request_method'] === 'GET');
    const after = (await samplesOf(DURATION)).filter(({ labels }) => labels['http_request_method'] === 'GET');
    expect(after).toHaveLength(known.length);
    expect(JSON.stringify(after)).not.toContain('nothing');
  });

  it('tell what the process takes', async () => {
    const cpu = await samplesOf('process_cpu_time_seconds_total');
    expect(valueOf(cpu, 'process_cpu_time_seconds_total', { cpu_mode: 'user' })).toBeGreaterThan(0);
    const [memory] = await samplesOf('process_memory_usage_bytes');
    expect(memory?.value).toBeGreaterThan(20_000_000);
    const [delay] = await eventually(async () => {
      const samples = await samplesOf('nodejs_eventloop_delay_p99_seconds');
      return samples.length > 0 && samples;
    });
    expect(delay?.value).toBeGreaterThan(0);
    expect(await samplesOf('nodejs_eventloop_utilization_ratio')).toHaveLength(1);
    expect((await samplesOf('v8js_memory_heap_used_bytes')).length).toBeGreaterThan(1);
    expect((await scrape()).get('v8js_gc_duration_seconds')?.type).toBe('histogram');
  });

  it('hold what others measure by the API of OpenTelemetry, also what no answer was had for', async () => {
    const meter = metrics.getMeter('test');
    meter.createCounter('test.things', { unit: '{thing}', description: 'Things' }).add(3, { kind: 'good' });
    meter.createObservableGauge('test.far', { description: 'Far away' }).addCallback(async () => {
      throw new Error('away');
    });
    expect(await samplesOf('test_things_total')).toEqual([
      { name: 'test_things_total', labels: { kind: 'good' }, value: 3 },
    ]);
    expect(await samplesOf('test_far')).toEqual([]);
  });

  it('are no part of the API', async () => {
    const document = (await (await fetch(`${url}/docs-json`)).json()) as { paths: object };
    expect(Object.keys(document.paths)).toContain('/loans/{id}');
    expect(Object.keys(document.paths)).not.toContain('/metrics');
  });
});
