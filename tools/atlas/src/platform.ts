import { type Container, DockerStack } from './docker-stack';
import { Home } from './home';
import {
  EVENT_LOG_DATABASE,
  KAFKA,
  POSTGRES,
  PROVIDER,
  PROVIDER_DATABASE,
  SERVICES,
  type ServiceName,
} from './topology';
import { UserError } from './user-error';

/** The two ways to run: processes of this machine on embedded engines, or containers on Kafka. */
export const STACKS = ['embedded', 'docker'] as const;

export type Stack = (typeof STACKS)[number];

/** The platform as it runs now, for commands that use it. */
export interface Platform {
  readonly stack: Stack;
  /** Base URLs of the services, such as `http://127.0.0.1:4001`. */
  readonly urls: Readonly<Record<ServiceName, string>>;
  /** `postgres://…` of each service's database. */
  readonly databases: Readonly<Record<ServiceName, string>>;
  /** EVENT_LOG_URL as seen from here. */
  readonly eventLog: string;
  /** The payment provider outside: the URL of its API, and `postgres://…` of its books. */
  readonly provider: { readonly url: string; readonly database: string };
}

/**
 * Finds the platform of the data folder: the embedded one if it runs, or else the containers of its compose project.
 * @throws UserError if none runs.
 */
export async function connect(home = Home.fromEnvironment()): Promise<Platform> {
  const platform = (await embedded(home)) ?? docker(await new DockerStack(home).containers());
  if (!platform) throw notRunning(home);
  return platform;
}

export const notRunning = (home: Home): UserError =>
  new UserError(`No platform runs in ${home.path}: run "npm start" or "npx atlas up" first`);

async function embedded(home: Home): Promise<Platform | undefined> {
  const state = (await home.holder()) && (await home.readState());
  if (!state) return undefined;
  const urls = new Map(state.processes.map(({ name, url }) => [name, url]));
  const databases = new Map(Object.entries(state.databases));
  return complete('embedded', urls, databases, {
    eventLog: databases.get(EVENT_LOG_DATABASE),
    providerDatabase: databases.get(PROVIDER_DATABASE),
  });
}

/** @throws UserError if only a part of it runs. */
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
  const platform = complete('docker', urls, databases, {
    eventLog: kafkaPort ? `kafka://127.0.0.1:${kafkaPort}` : undefined,
    providerDatabase: databases.get(PROVIDER),
  });
  if (platform) return platform;
  throw new UserError(
    'Only a part of the platform runs: "npx atlas status" shows which, "npx atlas down" stops it',
  );
}

/** Undefined if a part is missing. */
function complete(
  stack: Stack,
  urls: ReadonlyMap<string, string>,
  databases: ReadonlyMap<string, string>,
  { eventLog, providerDatabase }: Readonly<Record<'eventLog' | 'providerDatabase', string | undefined>>,
): Platform | undefined {
  const isComplete = SERVICES.every((name) => urls.has(name) && databases.has(name));
  const providerUrl = urls.get(PROVIDER);
  if (!isComplete || !eventLog || !providerUrl || !providerDatabase) return undefined;
  const each = (from: ReadonlyMap<string, string>) =>
    Object.fromEntries(SERVICES.map((name) => [name, from.get(name)])) as Record<ServiceName, string>;
  const provider = { url: providerUrl, database: providerDatabase };
  return { stack, urls: each(urls), databases: each(databases), eventLog, provider };
}
