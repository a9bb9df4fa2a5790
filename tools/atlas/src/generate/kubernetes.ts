import { permissionsFor } from '@atlas/adapters/kafka';
import { type ContextDeclaration, type DeclaredProcess, processesOf } from '@atlas/context';
import { stringify } from 'yaml';
import { logUses, OPERATOR } from '../log-uses';
import { databaseSecret, kafkaSecret, upperCase } from '../names';
import { CONTAINER_PORT as PORT } from '../ports';
import { replaceSection } from './sections';

const NAME = 'app.kubernetes.io/name';
const COMPONENT = 'app.kubernetes.io/component';
/** Which database a Deployment uses, for restore.sh. */
const DATABASE = 'atlas/database';

const HEADER = `# Generated from apps/*/context.json by "npm run generate". What all processes share is in process.patch.yaml.\n`;

/** The objects of each process: Deployment, Service, and what it needs beyond that. */
export const kubernetesProcesses = (_: string, declarations: readonly ContextDeclaration[]): string =>
  HEADER +
  processesOf(declarations)
    .flatMap((process) => objectsOf(process))
    .map((object) => toYaml(object))
    .join('---\n');

/** As Prettier formats it. */
export const toYaml = (object: object): string =>
  stringify(object, { aliasDuplicateObjects: false, singleQuote: true, lineWidth: 0 });

/** The names of all passwords, for the job that makes them. */
export const kubernetesPasswords = (text: string, declarations: readonly ContextDeclaration[]): string =>
  replaceSection('deploy/k8s/overlays/kind/setup.yaml', text, 'passwords', [
    ...owners(declarations).map(({ name }) => `- ${databaseSecret(name)}`),
    ...kafkaUsers(declarations).map((name) => `- ${kafkaSecret(name)}`),
  ]);

/** The services that clients reach through the node: those of the contexts. */
export const kubernetesFrontDoor = (text: string, declarations: readonly ContextDeclaration[]): string =>
  replaceSection('deploy/k8s/overlays/kind/kustomization.yaml', text, 'front door', [
    `target: { kind: Service, name: ${declarations
      .filter(({ kind }) => kind === 'context')
      .map(({ name }) => name)
      .join('|')} }`,
  ]);

/** The URLs of all databases, for the job that migrates them and, on kind, makes them. */
export const kubernetesDatabases =
  (file: string) =>
  (text: string, declarations: readonly ContextDeclaration[]): string =>
    replaceSection(
      file,
      text,
      'database URLs',
      owners(declarations).flatMap((context) => {
        const password = `${upperCase(context.name)}_PASSWORD`;
        return [
          ...secretLines(password, databaseSecret(context.name)),
          `- name: ${upperCase(context.name)}_DATABASE_URL`,
          `  value: ${databaseUrl(context, password)}`,
        ];
      }),
    );

/** The clients that Kafka accepts. */
export function kubernetesKafka(text: string, declarations: readonly ContextDeclaration[]): string {
  const users = kafkaUsers(declarations);
  const passwordOf = (user: string) => `${upperCase(user)}_PASSWORD`;
  return replaceSection('deploy/k8s/overlays/kind/kafka.yaml', text, 'clients', [
    ...users.flatMap((name) => secretLines(passwordOf(name), kafkaSecret(name))),
    '- name: KAFKA_LISTENER_NAME_CLIENT_PLAIN_SASL_JAAS_CONFIG',
    '  value: &clients >-',
    '    org.apache.kafka.common.security.plain.PlainLoginModule required',
    '    user_kafka="$(KAFKA_PASSWORD)"',
    ...users.map((name, n) => `    user_${name}="$(${passwordOf(name)})"${n < users.length - 1 ? '' : ';'}`),
  ]);
}

/** What each client of Kafka may do, for the job that grants it: one line each. */
export const kubernetesPermissions = (_: string, declarations: readonly ContextDeclaration[]): string => {
  const lines = logUses(declarations).flatMap((use) =>
    permissionsFor(use).flatMap(({ resource, names, operations }) =>
      names.map((name) => JSON.stringify({ user: use.user, resource, name, operations })),
    ),
  );
  return `[\n  ${lines.join(',\n  ')}\n]\n`;
};

export const owners = (declarations: readonly ContextDeclaration[]): readonly ContextDeclaration[] =>
  declarations.filter(({ database }) => database);

/** Who has a password on Kafka. */
export const kafkaUsers = (declarations: readonly ContextDeclaration[]): readonly string[] => [
  ...processesOf(declarations)
    .filter(({ stores }) => stores.includes('eventLog'))
    .map(({ name }) => name),
  OPERATOR,
];

const databaseUrl = ({ database }: ContextDeclaration, password: string): string =>
  `postgres://${database}:$(${password})@postgres/${database}`;

/** An environment variable with a password, for a section of a YAML file. */
const secretLines = (variable: string, secret: string): string[] => [
  `- name: ${variable}`,
  `  valueFrom: { secretKeyRef: { name: ${secret}, key: password } }`,
];

const fromSecret = (variable: string, secret: string) => ({
  name: variable,
  valueFrom: { secretKeyRef: { name: secret, key: 'password' } },
});

function objectsOf(process: DeclaredProcess): object[] {
  const { name, kind, urls } = process;
  const labels = { [NAME]: name, [COMPONENT]: kind };
  const selector = { matchLabels: { [NAME]: name } };
  const metadata = { name, labels };
  return [
    deploymentOf(process),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: { [NAME]: name }, ports: [{ name: 'http', port: PORT, targetPort: 'http' }] },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: { maxUnavailable: 1, selector },
    },
    ...(kind === 'service' ? [autoscalerOf(name, metadata)] : []),
    ...Object.values(urls).flatMap((other) => pathTo(other, name)),
  ];
}

function deploymentOf({ name, app, kind, context, stores, urls }: DeclaredProcess): object {
  const needsLog = stores.includes('eventLog');
  const labels = {
    [NAME]: name,
    [COMPONENT]: kind,
    ...(context.database && { [DATABASE]: context.database }),
  };
  const uses = {
    ...(context.database && { 'atlas/uses-postgres': 'true' }),
    ...(needsLog && { 'atlas/uses-kafka': 'true' }),
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels },
    spec: {
      selector: { matchLabels: { [NAME]: name } },
      template: {
        metadata: { labels: { ...labels, ...uses } },
        spec: {
          containers: [
            {
              name: 'process',
              args: [app],
              env: [
                ...(kind === 'relay' ? [{ name: 'SERVICE', value: context.name }] : []),
                ...(context.database
                  ? [
                      fromSecret('DATABASE_PASSWORD', databaseSecret(context.name)),
                      { name: 'DATABASE_URL', value: databaseUrl(context, 'DATABASE_PASSWORD') },
                    ]
                  : []),
                ...(needsLog
                  ? [
                      { name: 'KAFKA_SASL_USERNAME', value: name },
                      fromSecret('KAFKA_SASL_PASSWORD', kafkaSecret(name)),
                    ]
                  : []),
                ...Object.entries(urls).map(([setting, other]) => ({
                  name: setting,
                  value: `http://${other}:${PORT}`,
                })),
              ],
            },
          ],
        },
      },
    },
  };
}

const autoscalerOf = (name: string, metadata: object): object => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata,
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
    minReplicas: 2,
    maxReplicas: 4,
    // In cores: a process is single-threaded, so another one must start well before it uses a whole one.
    metrics: [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'AverageValue', averageValue: '600m' } } },
    ],
  },
});

/** Lets `from` call `to`. */
function pathTo(to: string, from: string): object[] {
  const policy = (name: string, spec: object) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name },
    spec,
  });
  const only = (name: string) => ({ podSelector: { matchLabels: { [NAME]: name } } });
  const ports = [{ port: PORT, protocol: 'TCP' }];
  return [
    policy(`${from}-to-${to}`, {
      ...only(from),
      policyTypes: ['Egress'],
      egress: [{ to: [only(to)], ports }],
    }),
    policy(`${to}-from-${from}`, {
      ...only(to),
      policyTypes: ['Ingress'],
      ingress: [{ from: [only(from)], ports }],
    }),
  ];
}
