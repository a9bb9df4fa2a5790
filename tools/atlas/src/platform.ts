import type { EventLogSettings } from '@atlas/adapters/event-log';
import type { Container } from './container';
import { DockerStack } from './docker-stack';
import { Home } from './home';
import { KubernetesStack } from './kubernetes-stack';
import { isOnKubernetes, type Place } from './stacks';
import { DECLARATIONS, EVENT_LOG_DATABASE, KAFKA, POSTGRES, PROCESSES, SERVICES } from './topology';
import { UserError } from './user-error';

/** How to reach the running platform. */
export interface Platform {
  readonly stack: Place;
  /** Base URL of each context, such as `http://127.0.0.1:4001`. */
  readonly urls: Readonly<Record<string, string>>;
  /** Base URL of a relay of each context that has one. */
  readonly relays: Readonly<Record<string, string>>;
  /** Base URL of each stand-in for another company's system. */
  readonly outside: Readonly<Record<string, string>>;
  /** Database URL (`postgres://…`) of each context and each stand-in. */
  readonly databases: Readonly<Record<string, string>>;
  /** How to open the event log from this machine. */
  readonly eventLog: EventLogSettings;
}

/**
 * Finds the running platform: with ATLAS_STACK=k8s that of the cluster; otherwise that of a data folder, the embedded one or
 * else the containers of its compose project.
 * @throws UserError if there is none.
 */
export async function connect(home = Home.fromEnvironment()): Promise<Platform> {
  if (isOnKubernetes()) return kubernetes();
  const platform = (await embedded(home)) ?? docker(await new DockerStack(home).containers());
  if (!platform) throw notRunning(home);
  return platform;
}

/** Says where none is running, and what starts one. */
export const notRunning = (home: Home): UserError =>
  new UserError(
    isOnKubernetes()
      ? `No platform is running in ${new KubernetesStack().place}: run "kubectl apply -k deploy/k8s", then "deploy/k8s/wait.sh"`
      : `No platform is running in ${home.path}: run "npm start" or "npx atlas up" first`,
  );

async function kubernetes(): Promise<Platform> {
  const { urls, databases, eventLog } = await new KubernetesStack().connect();
  const platform = complete('k8s', urls, databases, eventLog);
  if (!platform) throw new UserError('Only part of the platform is there: see "kubectl get pods"');
  return platform;
}

async function embedded(home: Home): Promise<Platform | undefined> {
  const state = (await home.holder()) && (await home.readState());
  if (!state) return undefined;
  const urls = new Map(state.processes.map(({ name, url }) => [name, url]));
  const databases = new Map(
    DECLARATIONS.flatMap(({ name, database }) => {
      const url = database && state.databases[database];
      return url ? [[name, url] as const] : [];
    }),
  );
  const url = state.databases[EVENT_LOG_DATABASE];
  return complete('embedded', urls, databases, url ? { EVENT_LOG_URL: url } : undefined);
}

/** @throws UserError if only part of it is running. */
function docker(containers: readonly Container[]): Platform | undefined {
  if (!containers.some(({ running }) => running)) return undefined;
  const ports = new Map(containers.flatMap(({ service, port }) => (port ? [[service, port] as const] : [])));
  const urls = new Map([...ports].map(([service, port]) => [service, `http://127.0.0.1:${port}`]));
  const [postgresPort, kafkaPort] = [ports.get(POSTGRES), ports.get(KAFKA)];
  const databases = new Map<string, string>();
  for (const { service, env } of containers) {
    const url = URL.parse(env.get('DATABASE_URL') ?? '');
    if (!url || !postgresPort) continue;
    url.hostname = '127.0.0.1';
    url.port = String(postgresPort);
    databases.set(service, url.href);
  }
  // The same for all: compose.yaml sets it in one place.
  const prefix = containers.find(({ env }) => env.get('KAFKA_PREFIX'))?.env.get('KAFKA_PREFIX');
  const eventLog = kafkaPort
    ? { EVENT_LOG_URL: `kafka://127.0.0.1:${kafkaPort}`, KAFKA_PREFIX: prefix }
    : undefined;
  const platform = complete('docker', urls, databases, eventLog);
  if (platform) return platform;
  throw new UserError(
    'Only part of the platform is running: "npx atlas status" shows which, "npx atlas down" stops it',
  );
}

/** Undefined if a part is missing. */
function complete(
  stack: Place,
  urls: ReadonlyMap<string, string>,
  databases: ReadonlyMap<string, string>,
  eventLog: EventLogSettings | undefined,
): Platform | undefined {
  const outside = DECLARATIONS.filter(({ kind }) => kind === 'outside').map(({ name }) => name);
  const owners = DECLARATIONS.filter(({ database }) => database).map(({ name }) => name);
  const isComplete =
    [...SERVICES, ...outside].every((name) => urls.has(name)) && owners.every((name) => databases.has(name));
  if (!isComplete || !eventLog) return undefined;
  return {
    stack,
    urls: pick(urls, SERVICES),
    relays: Object.fromEntries(
      PROCESSES.filter(({ kind }) => kind === 'relay').map(({ name, context }) => [
        context.name,
        urls.get(name) ?? '',
      ]),
    ),
    outside: pick(urls, outside),
    databases: pick(databases, owners),
    eventLog,
  };
}

const pick = (from: ReadonlyMap<string, string>, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, from.get(name) ?? '']));
