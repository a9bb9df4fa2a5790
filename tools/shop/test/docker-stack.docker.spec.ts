import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from '@atlas/testing';
import { DockerStack } from '@atlas/cli/docker-stack';
import { Home } from '@atlas/cli/home';
import { connect } from '@atlas/cli/platform';
import { projectRoot } from '@atlas/cli/project-root';
import { PROCESSES } from '@atlas/cli/topology';
import { atlas as runAtlas, startAtlas } from '@atlas/cli/test/command';
import { trespasses } from './trespasses';

const REAL_BASKETS = join(projectRoot(), '../shared/data/groceries.csv');

jest.setTimeout(600_000);

interface ComposeService {
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly ports?: readonly { readonly host_ip: string }[];
  readonly volumes?: readonly { readonly type: string }[];
  readonly [setting: string]: unknown;
}

describe('The compose file', () => {
  const servicesWith = (env: Readonly<Record<string, string>>) => {
    const output = execFileSync(
      'docker',
      ['compose', '--project-name', 'any', 'config', '--format', 'json'],
      {
        cwd: projectRoot(),
        env: { ...process.env, ...env },
        encoding: 'utf8',
      },
    );
    return (JSON.parse(output) as { services: Record<string, ComposeService> }).services;
  };

  it('offers everything on the loopback interface alone, and limits what each may take', () => {
    for (const [name, service] of Object.entries(servicesWith({}))) {
      expect(`${name} ${(service.ports ?? []).map((port) => port.host_ip).join()}`).toMatch(
        / (127\.0\.0\.1)?$/,
      );
      expect(service).toMatchObject({
        mem_limit: expect.anything(),
        logging: { options: { 'max-file': '3' } },
      });
      expect(service.container_name).toBeUndefined();
    }
  });

  it('gives processes of the image nothing but a place for temporary files', () => {
    const processes = Object.values(servicesWith({})).filter(({ image }) => image === 'any');
    // The job that makes the databases runs it, too.
    expect(processes).toHaveLength(PROCESSES.length + 1);
    for (const service of processes) {
      expect(service).toMatchObject({
        read_only: true,
        tmpfs: ['/tmp'],
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
    }
  });

  it('takes a password for all who need it', () => {
    const {
      orders,
      'orders-relay': relay,
      databases,
      payments,
    } = servicesWith({ ORDERS_PASSWORD: 'secret' });
    const url = 'postgres://orders:secret@postgres/orders';
    expect(orders!.environment['DATABASE_URL']).toBe(url);
    expect(relay!.environment['DATABASE_URL']).toBe(url);
    expect(databases!.environment['ORDERS_DATABASE_URL']).toBe(url);
    expect(payments!.environment['DATABASE_URL']).toBe('postgres://payments:atlas@postgres/payments');
  });
});

describe('The platform in containers', () => {
  let home: string;
  let stack: DockerStack;
  let baskets: string;

  const atlas = async (...args: readonly string[]) => {
    const outcome = await runAtlas(home, ...args);
    return { ...outcome, json: () => JSON.parse(outcome.stdout) as unknown };
  };
  const ok = async (...args: readonly string[]) => {
    const { code, json, stderr } = await atlas(...args, '--json');
    if (code !== 0) throw new Error(`atlas ${args.join(' ')} ended with ${code}: ${stderr.slice(-2_000)}`);
    return json();
  };

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'atlas-docker-'));
    stack = new DockerStack(new Home(home));
    baskets = existsSync(REAL_BASKETS) ? REAL_BASKETS : join(home, 'baskets.csv');
    if (baskets !== REAL_BASKETS) await writeFile(baskets, 'whole milk,rolls\nroot vegetables\n'.repeat(150));
    await ok('up', '--stack', 'docker', '--detach');
  });
  afterAll(async () => {
    await stack?.erase();
    await rm(home, { recursive: true, force: true });
  });

  it('is ready, each process in a container of its own that may do little', async () => {
    const { ready, processes } = (await ok('status')) as { ready: boolean; processes: { name: string }[] };
    expect(ready).toBe(true);
    const declared = PROCESSES.map(({ name }) => name);
    expect(declared).toEqual(expect.arrayContaining(['orders', 'orders-relay', 'payment-provider']));
    expect(processes.map(({ name }) => name)).toEqual([...declared, 'kafka', 'postgres'].sort());
    const [orders] = (await stack.containers()).filter(({ service }) => service === 'orders');
    const format =
      '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}';
    const inspected = execFileSync('docker', ['inspect', '--format', format, orders!.id], {
      encoding: 'utf8',
    });
    expect(inspected.trim()).toBe('node true [ALL] [no-new-privileges:true]');
  });

  it('keeps each database for the role of its owner', async () => {
    const { databases } = await connect(new Home(home));
    expect(Object.keys(databases)).toHaveLength(5);
    expect(await trespasses(databases)).toEqual([]);
  });

  it('takes orders to the end that each must have, and real baskets, and is audited clean', async () => {
    expect(await ok('demo')).toMatchObject({ ok: true });
    expect(await ok('load', baskets, '--limit', '200')).toMatchObject({ placed: 200, confirmed: 200 });
    expect(await ok('audit')).toMatchObject({ ok: true });
  });

  it('shows what Kafka has, and how far each group has come', async () => {
    const partitions = (await ok('events', 'describe')) as { topic: string; end: number }[];
    expect(partitions).toHaveLength(24);
    const orders = partitions.filter(({ topic }) => topic === 'orders.events');
    expect(orders.reduce((sum, { end }) => sum + end, 0)).toBeGreaterThan(600);
    expect(await ok('dlq', 'list')).toEqual([]);
  });

  it('tells events as they come, until it is told to stop', async () => {
    const tail = startAtlas(
      home,
      'events',
      'tail',
      'orders.events',
      '--type',
      'orders.order-placed',
      '--json',
    );
    const exited = once(tail, 'exit') as Promise<[number]>;
    const customers: string[] = [];
    createInterface({ input: tail.stdout }).on('line', (line) => {
      const { event } = JSON.parse(line) as { event: { data: { customerId: string } } };
      customers.push(event.data.customerId);
    });
    await eventually(async () => {
      const { run } = (await ok('load', baskets, '--limit', '1')) as { run: string };
      return eventually(() => customers.includes(`load-${run}`), 5_000);
    }, 60_000);
    tail.kill('SIGINT');

    expect(await exited).toEqual([0, null]);
  });

  it('is whole again after Kafka, PostgreSQL and processes were killed, with nothing lost or doubled', async () => {
    const loaded = ok('load', baskets, '--limit', '300', '--rate', '30');
    for (const service of ['orders-relay', 'kafka', 'inventory', 'postgres']) {
      const [container] = (await stack.containers()).filter((each) => each.service === service);
      expect(await stack.kill(container!.id)).toBe(true);
      await stack.start(container!.id);
    }
    expect(await loaded).toMatchObject({ placed: 300, confirmed: 300 });
    await eventually(async () => {
      const { ok: isClean, inFlight } = (await ok('audit')) as {
        ok: boolean;
        inFlight: Record<string, Record<string, number>>;
      };
      const waiting = [inFlight['unpublished'], inFlight['unhandled']].flatMap((by) =>
        Object.values(by ?? {}),
      );
      return isClean && waiting.every((count) => count === 0);
    }, 90_000);
  });

  it('can not be started a second time, or thrown away while it runs', async () => {
    expect((await atlas('up', '--stack', 'docker')).stderr).toContain(
      `Atlas already runs as the compose project "${stack.project}"`,
    );
    expect((await atlas('reset', '--yes')).stderr).toContain('stop it with "npx atlas down" first');
  });

  it('leaves its data when it is stopped, and nothing when they are thrown away', async () => {
    expect((await atlas('down')).stdout).toBe('Atlas is down.\n');
    expect(await stack.containers()).toEqual([]);
    expect(await stack.hasVolumes()).toBe(true);
    expect((await atlas('reset', '--yes')).code).toBe(0);
    expect(await stack.hasVolumes()).toBe(false);
  });
});
