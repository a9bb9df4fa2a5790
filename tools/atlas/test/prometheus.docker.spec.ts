import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createService, loadConfig, serviceSettings, startService } from '@atlas/service';
import { eventually } from '@atlas/testing';
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import { dashboardQueries, PROMETHEUS_FOLDER } from './dashboard';

/** The image that compose.yaml names. */
const IMAGE = 'prom/prometheus:v2.53.3';
const FOLDER = '/etc/prometheus';
const HOST = 'host.docker.internal';

@Module({})
class NoModule {}

describe('Prometheus', () => {
  let app: NestFastifyApplication;
  let prometheus: StartedTestContainer;

  beforeAll(async () => {
    const shape = serviceSettings({ port: 0 });
    const settings = loadConfig(shape, {
      HOST: '0.0.0.0',
      DATABASE_URL: 'postgres://localhost/lending',
      EVENT_LOG_URL: 'postgres://localhost/event_log',
      LOG_LEVEL: 'silent',
    });
    app = await createService({ name: 'lending', settings: shape, module: () => NoModule }, settings);
    const { port } = new URL(await startService(app, settings));
    // Ours, but for where the processes are.
    const config = (await readFile(join(PROMETHEUS_FOLDER, 'prometheus.yml'), 'utf8'))
      .replaceAll('interval: 15s', 'interval: 1s')
      .replace(/^scrape_configs:[^]*$/m, '');
    const scrape = [
      'scrape_configs:',
      '  - job_name: lending',
      `    static_configs: [{ targets: ['${HOST}:${port}'] }]`,
    ];
    prometheus = await new GenericContainer(IMAGE)
      .withCopyDirectoriesToContainer([{ source: PROMETHEUS_FOLDER, target: FOLDER }])
      .withCopyContentToContainer([{ content: config + scrape.join('\n'), target: `${FOLDER}/test.yml` }])
      .withCommand([`--config.file=${FOLDER}/test.yml`, '--storage.tsdb.path=/prometheus'])
      .withExtraHosts([{ host: HOST, ipAddress: 'host-gateway' }])
      .withExposedPorts(9090)
      .withWaitStrategy(Wait.forHttp('/-/ready', 9090))
      .start();
  }, 120_000);

  afterAll(async () => {
    await prometheus?.stop({ timeout: 0 });
    await app?.close();
  });

  const query = async (expr: string) => {
    const url = new URL(`http://${prometheus.getHost()}:${prometheus.getMappedPort(9090)}/api/v1/query`);
    url.searchParams.set('query', expr);
    const answer = (await (await fetch(url)).json()) as {
      status: string;
      error?: string;
      data?: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    if (answer.status !== 'success') throw new Error(`${answer.error}: ${expr}`);
    return answer.data?.result ?? [];
  };

  it.each([
    ['its configuration', ['check', 'config', 'prometheus.yml']],
    ['the alerts, which are raised when they must and not otherwise', ['test', 'rules', 'rules.test.yml']],
  ])('accepts %s', async (_, command) => {
    const { output, exitCode } = await prometheus.exec(['promtool', ...command], { workingDir: FOLDER });
    expect([exitCode, output]).toEqual([0, expect.stringContaining('SUCCESS')]);
  });

  it('reads what a service shows', async () => {
    await eventually(async () => (await query('up{job="lending"} == 1')).length === 1);
    const [target] = await eventually(async () => {
      const found = await query('target_info');
      return found.length > 0 && found;
    });
    expect(target?.metric).toMatchObject({ job: 'lending', service_name: 'lending' });
    const scraped = 'http_server_request_duration_seconds_count{http_route="/metrics"} > 1';
    await eventually(async () => (await query(scraped)).length === 1);
  });

  it.each(dashboardQueries())('understands %s', async (expr) => {
    await expect(query(expr)).resolves.toHaveProperty('length');
  });
});
