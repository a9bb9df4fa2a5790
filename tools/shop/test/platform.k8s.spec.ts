import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '@atlas/testing';
import { generateBaskets } from '../src/chaos/baskets';

/*
 * Needs a cluster as kubectl's current context, with the images loaded. Leaves the platform running, so that whoever wants to
 * may look at it. K8S=full: also every kind of kill, rolling updates, and a restore.
 */

const ROOT = join(__dirname, '../../..');
const NAMESPACE = 'atlas';
const READY_SECONDS = 600;
const BASKETS = 300;
const ORDERS_PER_SECOND = 10;

jest.setTimeout(900_000);

const exec = promisify(execFile);
const inFull = process.env['K8S'] === 'full' ? it : it.skip;

async function run(program: string, ...args: readonly string[]): Promise<string> {
  const options = { cwd: ROOT, env: { ...process.env, ATLAS_STACK: 'k8s' }, maxBuffer: 64 * 1024 * 1024 };
  try {
    return (await exec(program, args, options)).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}

const kubectl = (...args: readonly string[]): Promise<string> =>
  run('kubectl', '--namespace', NAMESPACE, ...args);

const atlas = (...args: readonly string[]): Promise<string> =>
  run(process.execPath, 'tools/bootstrap.mjs', 'atlas', ...args);

const ready = (): Promise<string> => run('deploy/k8s/wait.sh', NAMESPACE, `${READY_SECONDS}s`);

/** Every invariant holds, once all events are handled. */
async function expectCleanAudit(): Promise<void> {
  await eventually(async () => {
    const report = JSON.parse(await atlas('audit', '--json')) as {
      readonly ok: boolean;
      readonly inFlight: Readonly<Record<string, unknown>>;
    };
    expect(report.ok).toBe(true);
    return Object.values(report.inFlight)
      .flatMap((count) => (typeof count === 'number' ? count : Object.values(count as object)))
      .every((count) => count === 0);
  }, 120_000);
}

/** For docs/operations.md. */
async function timed(work: () => Promise<unknown>): Promise<void> {
  const begin = Date.now();
  await work();
  process.stderr.write(`${expect.getState().currentTestName}: ${(Date.now() - begin) / 1_000} s\n`);
}

/** Places orders while `trouble` happens; all of them settle, and the audit is clean. */
async function orderDuring(trouble: () => Promise<unknown>, baskets = BASKETS): Promise<void> {
  const file = join(folder, 'baskets.csv');
  await writeFile(file, generateBaskets(baskets, 1));
  const loading = atlas('load', file, '--rate', String(ORDERS_PER_SECOND), '--json');
  // A failure shows where it is awaited.
  loading.catch(() => undefined);
  await timed(trouble);
  expect(JSON.parse(await loading)).toMatchObject({ placed: baskets });
  await ready();
  await expectCleanAudit();
}

/** A pod is lost, without a chance to say goodbye. */
const lose = (...pods: readonly string[]): Promise<string> =>
  kubectl('delete', 'pod', ...pods, '--force', '--grace-period', '0');

/** Which of these `host:port` a process in a pod of `deployment` can open a connection to. */
async function reachable(deployment: string, targets: readonly string[]): Promise<readonly string[]> {
  const code = `
    const { connect } = require('node:net');
    const tries = ${JSON.stringify(targets)}.map((target) => new Promise((resolve) => {
      const [host, port] = target.split(':');
      const socket = connect({ host, port, timeout: 3000 });
      const end = (found) => { socket.destroy(); resolve(found); };
      socket.on('connect', () => end([target])).on('timeout', () => end([])).on('error', () => end([]));
    }));
    Promise.all(tries).then((found) => console.log(JSON.stringify(found.flat())));`;
  return JSON.parse(
    await kubectl('exec', `deployment/${deployment}`, '--', 'node', '-e', code),
  ) as readonly string[];
}

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atlas-k8s-'));
  await run('kubectl', 'get', '--raw', '/readyz').catch((error: Error) => {
    throw new Error(`These tests need a cluster: set KUBECONFIG, or kubectl's context. ${error.message}`);
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('The platform on Kubernetes', () => {
  it('comes up with one command, and takes orders through the front door', async () => {
    await timed(async () => {
      await run('kubectl', 'apply', '--kustomize', 'deploy/k8s');
      await ready();
    });
    await atlas('demo');
    await atlas('status');
    await expectCleanAudit();
  });

  inFull('may be applied again, and changes nothing', async () => {
    const before = await kubectl('get', 'secrets', '--output', 'jsonpath={.items[*].metadata.uid}');
    await run('kubectl', 'apply', '--kustomize', 'deploy/k8s');
    await ready();
    expect(await kubectl('get', 'secrets', '--output', 'jsonpath={.items[*].metadata.uid}')).toBe(before);
  });

  describe('lets a process reach what it uses, and nothing else:', () => {
    const all = [
      'orders:8080',
      'inventory:8080',
      'payments:8080',
      'orders-relay:8080',
      'payment-provider:8080',
      'postgres:5432',
      'postgres-0.postgres-servers:5432',
      'kafka:9092',
      'kafka-0.kafka-nodes:9093',
      'kafka-0.kafka-nodes:9094',
      'prometheus:9090',
      'kubernetes.default:443',
    ];
    const stores = ['postgres:5432', 'postgres-0.postgres-servers:5432', 'kafka:9092'];

    it.each([
      ['orders', stores],
      ['orders-relay', stores],
      ['inventory', stores],
      ['payments', ['payment-provider:8080', ...stores]],
      ['payment-provider', ['postgres:5432', 'postgres-0.postgres-servers:5432']],
    ])('%s → %j', async (from, allowed) => {
      expect(await reachable(from, all)).toEqual(all.filter((each) => allowed.includes(each)));
    });

    it('no other database than its own', async () => {
      const code = `
        const { Client } = require('pg');
        const url = new URL(process.env.DATABASE_URL);
        url.pathname = '/inventory';
        new Client({ connectionString: url.href }).connect().then(
          () => { console.log('open'); process.exit(0); },
          (error) => { console.log(error.code); process.exit(0); });`;
      const answer = await kubectl('exec', 'deployment/orders', '--', 'node', '-e', code);
      // insufficient_privilege
      expect(answer.trim()).toBe('42501');
    });

    it('no topic to write to, not even one that it reads', async () => {
      const code = `
        const { Kafka, logLevel } = require('kafkajs');
        const { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = process.env;
        const kafka = new Kafka({ brokers: ['kafka:9092'], sasl: { mechanism: 'plain', username, password },
          logLevel: logLevel.NOTHING, retry: { retries: 1 } });
        const producer = kafka.producer({ allowAutoTopicCreation: false });
        producer.connect()
          .then(() => producer.send({ topic: 'inventory.events', messages: [{ value: 'forged' }] }))
          .then(() => 'written', (error) => error.type ?? error.message)
          .then((answer) => { console.log(answer); process.exit(0); });`;
      const answer = await kubectl('exec', 'deployment/orders', '--', 'node', '-e', code);
      expect(answer.trim()).toMatch(/authoriz/i);
    });
  });

  it('loses nothing when a relay and a node of Kafka are lost', async () => {
    const relay = await kubectl(
      'get',
      'pod',
      '--selector',
      'app.kubernetes.io/name=orders-relay',
      '--output',
      'name',
    );
    await orderDuring(() => lose(relay.trim().replace('pod/', ''), 'kafka-1'), BASKETS / 3);
  });

  inFull('loses nothing while every process is replaced by a rolling update', async () => {
    await orderDuring(async () => {
      await kubectl('rollout', 'restart', 'deployment');
      await ready();
    });
  });

  inFull('loses nothing when every service, relay and the provider is lost in turn', async () => {
    await orderDuring(async () => {
      const names = ['orders', 'orders-relay', 'inventory', 'inventory-relay', 'payments', 'payments-relay'];
      for (const name of [...names, 'payment-provider']) {
        await lose('--selector', `app.kubernetes.io/name=${name}`);
        await kubectl('rollout', 'status', `deployment/${name}`, '--timeout', '120s');
      }
    });
  });

  inFull('loses nothing when all nodes of Kafka are lost at once', async () => {
    await orderDuring(async () => {
      await lose('kafka-0', 'kafka-1', 'kafka-2');
      await kubectl('rollout', 'status', 'statefulset/kafka', '--timeout', '300s');
    });
  });

  inFull(
    "loses nothing when PostgreSQL's leader is lost and its standby takes over, there and back",
    async () => {
      const leader = () =>
        kubectl('get', 'configmap', 'postgres-leader', '--output', 'jsonpath={.data.name}');
      const first = await leader();
      for (const next of [first === 'postgres-0' ? 'postgres-1' : 'postgres-0', first]) {
        await orderDuring(() => run('deploy/k8s/failover.sh', NAMESPACE));
        expect(await leader()).toBe(next);
      }
    },
  );

  inFull('is restored from a backup', async () => {
    const backup = join(folder, 'backup');
    const databases = ['orders', 'inventory', 'payments', 'payment_provider'];
    await timed(() => run('deploy/k8s/backup.sh', backup));
    await timed(() => run('deploy/k8s/restore.sh', backup, ...databases));
    await ready();
    await expectCleanAudit();
    await orderDuring(async () => undefined, 50);
  });

  inFull('continues from a backup that lacks what was published, once its relay may', async () => {
    const backup = join(folder, 'older');
    await run('deploy/k8s/backup.sh', backup);
    await atlas('demo');
    await run('deploy/k8s/restore.sh', backup, 'inventory');
    await eventually(async () => {
      const { processes } = JSON.parse(await atlas('status', '--json')) as {
        readonly processes: readonly { readonly name: string; readonly troubles: readonly object[] }[];
      };
      return processes.some(
        ({ name, troubles }) => name.startsWith('inventory-relay') && troubles.length > 0,
      );
    }, 60_000);
    await atlas('relay', 'adopt', 'inventory');
    await atlas('demo');
  });
});
