import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { catalogue } from '@atlas/contracts';
import { parse } from 'yaml';
import { projectRoot } from '../project-root';
import { DECLARATIONS } from '../topology';
import { type GeneratedFile, generate } from './generate';

describe('What is generated from the declarations', () => {
  it('is up to date: if not, run "npm run generate"', async () => {
    const stale = (await generate(projectRoot())).filter(({ upToDate }) => !upToDate);

    expect(stale.map(({ path }) => `${path} is out of date: run "npm run generate"`)).toEqual([]);
  });

  it('agrees with the published language: a context that declares a topic has events, and the reverse', () => {
    const declared = DECLARATIONS.flatMap(({ topics: { publishes } }) => publishes ?? []);

    expect(declared.sort()).toEqual(catalogue.topics.map(({ name }) => name).sort());
  });
});

describe('A context that is added', () => {
  let root: string;
  let files: ReadonlyMap<string, GeneratedFile>;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'atlas-generate-'));
    for (const { name } of DECLARATIONS) await copy(`apps/${name}/context.json`);
    for (const { path } of await generate(projectRoot())) await copy(path);
    await mkdir(join(root, 'apps/lighthouse'));
    const declaration = {
      name: 'lighthouse',
      title: 'Lighthouse',
      description: 'Shows the way.',
      kind: 'context',
      database: 'lighthouse',
      topics: { publishes: 'lighthouse.events', consumes: ['orders.events'] },
      processes: { lighthouse: { port: 4907 }, 'lighthouse-relay': { port: 4917, app: 'outbox-relay' } },
      stores: ['postgres', 'eventLog'],
      environment: { PROVIDER_URL: { urlOf: 'payment-provider' } },
    };
    await writeFile(join(root, 'apps/lighthouse/context.json'), JSON.stringify(declaration));
    files = new Map((await generate(root)).map((file) => [file.path, file]));
  });
  afterAll(() => rm(root, { recursive: true }));

  async function copy(path: string): Promise<void> {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await cp(join(projectRoot(), path), join(root, path));
  }
  const contentOf = (path: string) => files.get(path)?.content ?? '';

  it('gets its services and its database in compose.yaml', () => {
    const { services } = parse(contentOf('compose.yaml'), { merge: true }) as {
      services: Record<string, Record<string, unknown>>;
    };
    const url = 'postgres://lighthouse:${LIGHTHOUSE_PASSWORD:-atlas}@postgres/lighthouse';
    expect(services['lighthouse']).toMatchObject({
      restart: 'unless-stopped',
      command: ['lighthouse'],
      environment: {
        EVENT_LOG_URL: 'kafka://kafka:9092',
        DATABASE_URL: url,
        PROVIDER_URL: 'http://payment-provider:8080',
      },
      ports: ['127.0.0.1:${LIGHTHOUSE_PORT:-4907}:8080'],
    });
    expect(services['lighthouse-relay']).toMatchObject({
      command: ['outbox-relay'],
      environment: { EVENT_LOG_URL: 'kafka://kafka:9092', DATABASE_URL: url, SERVICE: 'lighthouse' },
      ports: ['127.0.0.1:${LIGHTHOUSE_RELAY_PORT:-}:8080'],
    });
    expect(services['databases']).toMatchObject({ environment: { LIGHTHOUSE_DATABASE_URL: url } });
    expect(services['payment-provider']?.['environment']).not.toHaveProperty('EVENT_LOG_URL');
  });

  it('is scraped by Prometheus, which raises an alert if it is missing', () => {
    const config = parse(contentOf('deploy/prometheus/prometheus.yml')) as {
      scrape_configs: [{ dns_sd_configs: [{ names: string[] }] }];
    };
    expect(config.scrape_configs[0].dns_sd_configs[0].names).toEqual(
      expect.arrayContaining(['orders', 'lighthouse', 'lighthouse-relay', 'payment-provider']),
    );
    const { groups } = parse(contentOf('deploy/prometheus/rules.yml')) as {
      groups: { rules: { alert?: string; expr: string }[] }[];
    };
    const missing = groups.flatMap(({ rules }) => rules).find(({ alert }) => alert === 'ProcessMissing');
    expect(missing?.expr).toMatch(
      /absent\(up\{job="lighthouse"\}\) or\n?\s*absent\(up\{job="lighthouse-relay"\}\)/,
    );
    expect(contentOf('deploy/prometheus/rules.test.yml').match(/up\{job="lighthouse"/g)).toHaveLength(2);
  });

  it('is listed in the README, and its events in the published language', () => {
    expect(contentOf('README.md')).toMatch(
      /\| `lighthouse` +\| Shows the way\. +\| 4907 +\| 4917 +\| `lighthouse.events` +\| `orders.events` +\|/,
    );
    expect(contentOf('libs/contracts/src/language.ts')).toContain("export * from './lighthouse';\n");
  });

  it('leaves the rest as it is, and nothing to do once it is written', async () => {
    for (const { path, content } of files.values()) await writeFile(join(root, path), content);
    expect((await generate(root)).every(({ upToDate }) => upToDate)).toBe(true);

    await rm(join(root, 'apps/lighthouse'), { recursive: true });
    const original = new Map((await generate(projectRoot())).map(({ path, content }) => [path, content]));
    expect(new Map((await generate(root)).map(({ path, content }) => [path, content]))).toEqual(original);
  });

  it('is refused, with a sentence, by a file whose section is gone', async () => {
    await writeFile(join(root, 'compose.yaml'), 'services: {}\n');

    await expect(generate(root)).rejects.toThrow(
      'compose.yaml has no section "databases": put the lines "# Generated from',
    );
  });
});
