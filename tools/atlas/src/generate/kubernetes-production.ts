import { permissionsFor } from '@atlas/adapters/kafka';
import { type ContextDeclaration, processesOf } from '@atlas/context';
import { logUses } from '../log-uses';
import { databaseSecret, kafkaSecret } from '../names';
import { kafkaUsers, owners, toYaml } from './kubernetes';
import { replaceSection } from './sections';

const FILE = 'deploy/k8s/overlays/production/postgres.yaml';
/** How many records each replica may lag behind before another one is started. */
const LAG = '500';
/** As Strimzi writes what Kafka's authorizer checks. */
const RESOURCES = { topic: 'topic', group: 'group', 'transactional id': 'transactionalId' } as const;

/** What the operators make for each context and process: users, databases, passwords, autoscalers. */
export const productionContexts = (_: string, declarations: readonly ContextDeclaration[]): string =>
  `# Generated from apps/*/context.json by "npm run generate".\n` +
  [
    ...owners(declarations).flatMap(({ name, database = '' }) => [
      secret(databaseSecret(name), { type: 'kubernetes.io/basic-auth', username: database }),
      databaseOf(name, database),
    ]),
    ...kafkaUsers(declarations).map((name) => secret(kafkaSecret(name))),
    ...logUses(declarations).map((use) => userOf(use)),
    ...processesOf(declarations)
      .filter(({ kind, context: { topics } }) => kind === 'service' && topics.consumes?.length)
      .map(({ name, context }) => scalerOf(name, context.name)),
  ]
    .map((object) => toYaml(object))
    .join('---\n');

/** The roles of all contexts, for the cluster of PostgreSQL. */
export const productionPostgres = (text: string, declarations: readonly ContextDeclaration[]): string =>
  replaceSection(
    FILE,
    text,
    'roles',
    owners(declarations).map(
      ({ name, database }) =>
        `- { name: ${database}, login: true, passwordSecret: { name: ${databaseSecret(name)} } }`,
    ),
  );

/** A password from the company's store of secrets; CloudNativePG wants the role's name beside it. */
const secret = (name: string, role?: { readonly type: string; readonly username: string }): object => ({
  apiVersion: 'external-secrets.io/v1',
  kind: 'ExternalSecret',
  metadata: { name },
  spec: {
    refreshInterval: '1h',
    secretStoreRef: { kind: 'ClusterSecretStore', name: 'atlas' },
    target: {
      template: {
        ...(role && { type: role.type }),
        data: { ...(role && { username: role.username }), password: '{{ .password }}' },
      },
    },
    data: [{ secretKey: 'password', remoteRef: { key: `atlas/${name}` } }],
  },
});

const databaseOf = (context: string, database: string): object => ({
  apiVersion: 'postgresql.cnpg.io/v1',
  kind: 'Database',
  metadata: { name: context },
  spec: { name: database, owner: database, cluster: { name: 'postgres' } },
});

const userOf = (use: ReturnType<typeof logUses>[number]): object => ({
  apiVersion: 'kafka.strimzi.io/v1',
  kind: 'KafkaUser',
  metadata: { name: use.user, labels: { 'strimzi.io/cluster': 'kafka' } },
  spec: {
    authentication: {
      type: 'scram-sha-512',
      password: { valueFrom: { secretKeyRef: { name: kafkaSecret(use.user), key: 'password' } } },
    },
    authorization: {
      type: 'simple',
      acls: permissionsFor(use).flatMap(({ resource, names, operations }) =>
        names.map((name) => ({ resource: { type: RESOURCES[resource], name }, operations })),
      ),
    },
  },
});

const scalerOf = (name: string, group: string): object => ({
  apiVersion: 'keda.sh/v1alpha1',
  kind: 'ScaledObject',
  metadata: { name },
  spec: {
    scaleTargetRef: { name },
    minReplicaCount: 2,
    maxReplicaCount: 8,
    triggers: [
      {
        type: 'prometheus',
        metadata: {
          serverAddress: 'http://prometheus-operated.monitoring:9090',
          // A relay that has just lost its outbox may still show its last figures.
          query: `sum(max by (topic, partition) (atlas_consumer_lag{group="${group}"}))`,
          threshold: LAG,
        },
      },
      { type: 'cpu', metricType: 'AverageValue', metadata: { value: '600m' } },
    ],
  },
});
