import { join } from 'node:path';
import { projectRoot } from './home';
import type { ProcessSpec } from './managed-process';
import { HOST } from './ports';

export const SERVICES = ['orders', 'inventory', 'payments'] as const;

export type ServiceName = (typeof SERVICES)[number];

export const EVENT_LOG_DATABASE = 'event_log';

/** Stands in for a company outside: it shares nothing with the services but the server that its database is on. */
export const PROVIDER = 'payment-provider';
export const PROVIDER_DATABASE = 'payment_provider';

/** Each service its own, one that stands in for Kafka, and the provider's. */
export const DATABASES: readonly string[] = [...SERVICES, EVENT_LOG_DATABASE, PROVIDER_DATABASE];

/** What a process may take to stop by itself, milliseconds: longer than its own limit. */
export const GRACE_MS = 15_000;

export const POSTGRES = 'postgres';

/** On the docker stack alone. */
export const KAFKA = 'kafka';

export const relayOf = (service: ServiceName): string => `${service}-relay`;

export const isRelay = (name: string): boolean => name.endsWith('-relay');

/** The setting that chooses its port. */
export const variableOf = (name: string): string => `${name.replaceAll('-', '_').toUpperCase()}_PORT`;

/** What listens, and on which port unless told otherwise. */
export const USUAL_PORTS: ReadonlyMap<string, number> = new Map([
  ['orders', 4001],
  ['inventory', 4002],
  ['payments', 4003],
  ['orders-relay', 4011],
  ['inventory-relay', 4012],
  ['payments-relay', 4013],
  [PROVIDER, 4090],
  [POSTGRES, 54_329],
  [KAFKA, 19_092],
]);

/** The processes beside the database, each with its environment. */
export function processes(
  ports: ReadonlyMap<string, number>,
  databaseUrl: (database: string) => string,
  common: Readonly<Record<string, string>>,
): readonly ProcessSpec[] {
  const urlOf = (name: string) => `http://${HOST}:${ports.get(name) ?? 0}`;
  const spec = (
    kind: ProcessSpec['kind'],
    name: string,
    app: string,
    env: Readonly<Record<string, string>>,
  ): ProcessSpec => {
    const port = ports.get(name) ?? 0;
    return {
      name,
      kind,
      script: join(projectRoot(), 'dist/apps', app, 'src/main.js'),
      port,
      env: { HOST, PORT: String(port), ...common, ...env },
    };
  };
  return [
    ...SERVICES.flatMap((service) => {
      const env = { DATABASE_URL: databaseUrl(service), EVENT_LOG_URL: databaseUrl(EVENT_LOG_DATABASE) };
      return [
        spec('service', service, service, {
          ...env,
          ...(service === 'payments' && { PROVIDER_URL: urlOf(PROVIDER) }),
        }),
        spec('relay', relayOf(service), 'outbox-relay', { ...env, SERVICE: service }),
      ];
    }),
    spec('outside', PROVIDER, PROVIDER, { DATABASE_URL: databaseUrl(PROVIDER_DATABASE) }),
  ];
}
