import { PROCESSES } from '@atlas/cli/topology';
import {
  apply,
  atlas,
  expectCleanAudit,
  lose,
  orderDuring,
  ready,
  removeFolders,
  run,
  runIn,
  timed,
} from './cluster';
import { clusterOperations } from './cluster-operations';

/*
 * Needs a cluster as kubectl's current context, with the images loaded. Leaves the platform running, so that whoever wants to
 * may look at it. K8S=full: also all that docs/operations.md describes.
 */

jest.setTimeout(900_000);

beforeAll(async () => {
  await run('kubectl', 'get', '--raw', '/readyz').catch((error: Error) => {
    throw new Error(`These tests need a cluster: set KUBECONFIG, or kubectl's context. ${error.message}`);
  });
});

afterAll(removeFolders);

describe('The platform on Kubernetes', () => {
  it('comes up with one command, and takes orders through the front door', async () => {
    await timed(async () => {
      await apply();
      await ready();
    });
    await atlas('demo');
    await atlas('status');
    await expectCleanAudit();
  });

  it('is valid to the API server, all of it, and breaks no rule of its namespace', async () => {
    // Whatever kubectl says on stderr fails it: a warning, or an error.
    const apply = 'kubectl apply --dry-run=server --kustomize deploy/k8s 2>&1 >/dev/null';
    await run('bash', '-o', 'pipefail', '-c', `${apply} | { ! grep .; }`);
  });

  it('lets a process reach what it uses, and nothing else', async () => {
    const stores = {
      postgres: ['postgres:5432', 'postgres-0.postgres-servers:5432'],
      eventLog: ['kafka:9092'],
    };
    const all = [
      ...PROCESSES.map(({ name }) => `${name}:8080`),
      ...Object.values(stores).flat(),
      'kafka-0.kafka-nodes:9093',
      'kafka-0.kafka-nodes:9094',
      'prometheus:9090',
      'grafana:3000',
      'kubernetes.default:443',
    ];
    const ways = await Promise.all(
      PROCESSES.map(async ({ name }) => [name, await reachable(name, all)] as const),
    );
    expect(Object.fromEntries(ways)).toEqual(
      Object.fromEntries(
        PROCESSES.map(({ name, stores: uses, urls }) => {
          const allowed = [
            ...Object.values(urls).map((other) => `${other}:8080`),
            ...Object.entries(stores).flatMap(([store, ports]) =>
              (uses as readonly string[]).includes(store) ? ports : [],
            ),
          ];
          return [name, all.filter((each) => allowed.includes(each))];
        }),
      ),
    );
  });

  it('lets a service into no other database than its own', async () => {
    const code = `
      const { Client } = require('pg');
      const url = new URL(process.env.DATABASE_URL);
      url.pathname = '/inventory';
      new Client({ connectionString: url.href }).connect().then(
        () => { console.log('open'); process.exit(0); },
        (error) => { console.log(error.code); process.exit(0); });`;
    // insufficient_privilege
    expect(await runIn('orders', code)).toBe('42501');
  });

  it("lets a service write to no topic, not even one that it reads: that is the relays'", async () => {
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
    expect(await runIn('orders', code)).toMatch(/authoriz/i);
  });

  it('loses nothing when a relay and a node of Kafka are lost', async () => {
    await orderDuring(async () => {
      await Promise.all([lose('--selector', 'app.kubernetes.io/name=orders-relay'), lose('kafka-1')]);
    }, 100);
  });

  if (process.env['K8S'] === 'full') clusterOperations();
});

/** Which of these `host:port` a process in a pod of `deployment` can open a connection to. */
async function reachable(deployment: string, targets: readonly string[]): Promise<readonly string[]> {
  const code = `
    const { connect } = require('node:net');
    const tries = ${JSON.stringify(targets)}.map((target) => new Promise((resolve) => {
      const [host, port] = target.split(':');
      const socket = connect({ host, port, timeout: 5000 });
      const end = (found) => { socket.destroy(); resolve(found); };
      socket.on('connect', () => end([target])).on('timeout', () => end([])).on('error', () => end([]));
    }));
    Promise.all(tries).then((found) => console.log(JSON.stringify(found.flat())));`;
  return JSON.parse(await runIn(deployment, code)) as readonly string[];
}
