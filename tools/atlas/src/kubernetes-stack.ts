import { z } from 'zod';
import { type Health, healthIn } from './health';
import { forward, kubectl } from './kubectl';
import { OPERATOR } from './log-uses';
import { databaseSecret, kafkaSecret } from './names';
import { CONTAINER_PORT, HOST } from './ports';
import { DECLARATIONS, kindOf, PROCESSES } from './topology';
import { UserError } from './user-error';

const POSTGRES_PORT = 5432;
/** Node n of Kafka listens for this machine on this port plus n, and advertises it to clients. */
const KAFKA_PORT = 39_092;
const PROBE_MS = 1_000;
const COMPONENT = 'app.kubernetes.io/component';

const listOf = z.object({
  items: z.array(
    z.object({
      kind: z.string(),
      metadata: z.object({
        name: z.string(),
        labels: z.record(z.string(), z.string()).default({}),
        deletionTimestamp: z.string().optional(),
      }),
      /** Of a Secret. */
      data: z.record(z.string(), z.string()).optional(),
      /** Of a Service or a StatefulSet. */
      spec: z
        .object({
          ports: z.array(z.object({ nodePort: z.int().optional() })).default([]),
          replicas: z.int().optional(),
        })
        .optional(),
      /** Of a Pod or a Node. */
      status: z
        .object({
          phase: z.string().optional(),
          startTime: z.string().optional(),
          addresses: z.array(z.object({ type: z.string(), address: z.string() })).default([]),
          conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
          containerStatuses: z.array(z.object({ restartCount: z.int() })).default([]),
        })
        .optional(),
    }),
  ),
});

type KubernetesObject = z.infer<typeof listOf>['items'][number];

/** A pod of the platform. */
export interface Pod {
  readonly name: string;
  /** The process or engine that it runs, such as `lending-relay`. */
  readonly process: string;
  /** Such as `service`, `relay` or `store`. */
  readonly component: string;
  readonly ready: boolean;
  readonly restarts: number;
  readonly startedAt: string | undefined;
}

/** How to reach the platform from this machine, while this process lives. */
export interface KubernetesAccess {
  /** By process. */
  readonly urls: ReadonlyMap<string, string>;
  /** By context. */
  readonly databases: ReadonlyMap<string, string>;
  readonly eventLog: {
    readonly EVENT_LOG_URL: string;
    readonly KAFKA_SECURITY_PROTOCOL: 'SASL_PLAINTEXT';
    readonly KAFKA_SASL_USERNAME: string;
    readonly KAFKA_SASL_PASSWORD: string;
  };
}

/** The platform of `deploy/k8s` in the cluster of kubectl's current context. */
export class KubernetesStack {
  private static access: Promise<KubernetesAccess> | undefined;

  /** @param namespace ATLAS_NAMESPACE; default: that of the kind overlay. */
  constructor(private readonly namespace = process.env['ATLAS_NAMESPACE'] || 'atlas') {}

  /** For messages. */
  get place(): string {
    return `namespace "${this.namespace}" of kubectl's context`;
  }

  /**
   * Opens connections to all processes, databases and nodes of Kafka, once; they close when this process ends.
   * @throws UserError if there is no cluster, or no platform in it.
   */
  connect(): Promise<KubernetesAccess> {
    return (KubernetesStack.access ??= this.open());
  }

  private async open(): Promise<KubernetesAccess> {
    const [objects, nodeAddress] = await Promise.all([
      this.list('statefulsets,secrets,services'),
      this.nodeAddress(),
    ]);
    const passwordOf = (name: string): string => {
      const secret = objects.find(({ kind, metadata }) => kind === 'Secret' && metadata.name === name);
      const password = secret?.data?.['password'];
      if (password) return Buffer.from(password, 'base64').toString();
      throw new UserError(
        `Namespace "${this.namespace}" has no secret "${name}": run "kubectl apply -k deploy/k8s", then "deploy/k8s/wait.sh"`,
      );
    };
    const owners = DECLARATIONS.flatMap(({ name, database }) =>
      database ? [[name, database, passwordOf(databaseSecret(name))] as const] : [],
    );
    const kafka = objects.find(({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === 'kafka');
    const nodes = Array.from({ length: kafka?.spec?.replicas ?? 0 }, (_, n) => n);
    const [postgresPort, urls] = await Promise.all([
      this.forward('service/postgres', POSTGRES_PORT),
      Promise.all(
        PROCESSES.map(async ({ name }) => [name, await this.urlOf(name, objects, nodeAddress)] as const),
      ),
      // A node may be down, and come back.
      ...nodes.map((n) =>
        this.forward(`pod/kafka-${n}`, KAFKA_PORT + n, KAFKA_PORT + n).catch(() => undefined),
      ),
    ]);
    const databases = owners.map(
      ([name, role, password]) =>
        [name, `postgres://${role}:${password}@${HOST}:${postgresPort}/${role}`] as const,
    );
    return {
      urls: new Map(urls),
      databases: new Map(databases),
      eventLog: {
        EVENT_LOG_URL: `kafka://${nodes.map((n) => `${HOST}:${KAFKA_PORT + n}`).join()}`,
        KAFKA_SECURITY_PROTOCOL: 'SASL_PLAINTEXT',
        KAFKA_SASL_USERNAME: OPERATOR,
        KAFKA_SASL_PASSWORD: passwordOf(kafkaSecret(OPERATOR)),
      },
    };
  }

  /** The pods of the platform, jobs excepted. */
  async pods(): Promise<readonly Pod[]> {
    return running(await this.list('pods')).map(({ metadata, status }) => ({
      name: metadata.name,
      process: nameOf(metadata),
      component: metadata.labels[COMPONENT] ?? '',
      ready: (status?.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      restarts: (status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0),
      startedAt: status?.startTime,
    }));
  }

  /** Includes what the process reports of its circuits, if it is ready. */
  async healthOf({ name, process, ready }: Pod): Promise<Health> {
    if (!ready || kindOf(process) === 'engine') return healthIn(ready, undefined);
    const path = `/api/v1/namespaces/${this.namespace}/pods/${name}:${CONTAINER_PORT}/proxy/health/ready`;
    const answer = await kubectl(this.namespace, 'get', '--raw', path).then(
      (text) => JSON.parse(text) as unknown,
      () => undefined,
    );
    return healthIn(true, answer);
  }

  /** Deletes a pod at once, as the loss of its node would. */
  async kill(pod: string): Promise<void> {
    await kubectl(
      this.namespace,
      'delete',
      'pod',
      pod,
      '--force',
      '--grace-period',
      '0',
      '--ignore-not-found',
    );
  }

  /** Through the front door, if a process has one that this machine can reach; otherwise directly to one of its pods. */
  private async urlOf(
    name: string,
    objects: readonly KubernetesObject[],
    nodeAddress: string | undefined,
  ): Promise<string> {
    const service = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === name);
    const port = service?.spec?.ports[0]?.nodePort;
    if (port !== undefined && nodeAddress !== undefined) {
      const url = `http://${nodeAddress}:${port}`;
      if (await answers(url)) return url;
    }
    return `http://${HOST}:${await this.forward(`service/${name}`, CONTAINER_PORT)}`;
  }

  /** Undefined if kubectl's user may not list nodes. */
  private async nodeAddress(): Promise<string | undefined> {
    const nodes = await this.list('nodes').catch(() => []);
    const addresses = nodes.flatMap(({ status }) => status?.addresses ?? []);
    return addresses.find(({ type }) => type === 'InternalIP')?.address;
  }

  private async list(kinds: string): Promise<readonly KubernetesObject[]> {
    return listOf.parse(JSON.parse(await kubectl(this.namespace, 'get', kinds, '--output', 'json'))).items;
  }

  private forward(target: string, port: number, local?: number): Promise<number> {
    return forward(this.namespace, target, port, local);
  }
}

const nameOf = ({ name, labels }: KubernetesObject['metadata']): string =>
  labels['app.kubernetes.io/name'] ?? name;

const running = (pods: readonly KubernetesObject[]): readonly KubernetesObject[] =>
  pods.filter(
    ({ metadata, status }) =>
      metadata.labels[COMPONENT] !== 'job' &&
      !metadata.deletionTimestamp &&
      !['Succeeded', 'Failed'].includes(status?.phase ?? ''),
  );

const answers = (url: string): Promise<boolean> =>
  fetch(`${url}/health/live`, { signal: AbortSignal.timeout(PROBE_MS) }).then(
    ({ ok }) => ok,
    () => false,
  );
