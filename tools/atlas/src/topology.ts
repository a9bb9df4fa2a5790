import { join } from 'node:path';
import { type DeclaredProcess, processesOf, readDeclarations } from '@atlas/context';
import { projectRoot } from './project-root';
import type { ProcessSpec } from './managed-process';
import { HOST } from './ports';

/** The context.json of every app, in the order of their ports. */
export const DECLARATIONS = readDeclarations(join(projectRoot(), 'apps'));

export const PROCESSES = processesOf(DECLARATIONS);

/** The names of the contexts: the services that publish or consume events. */
export const SERVICES: readonly string[] = DECLARATIONS.filter(({ kind }) => kind === 'context').map(
  ({ name }) => name,
);

/** The database that holds the embedded event log. */
export const EVENT_LOG_DATABASE = 'event_log';

/** The databases of all apps, and that of the event log. */
export const DATABASES: readonly string[] = [
  ...DECLARATIONS.flatMap(({ database }) => database ?? []),
  EVENT_LOG_DATABASE,
];

/** How long a process may take to stop before it is killed, milliseconds; longer than its own timeout. */
export const GRACE_MS = 15_000;

export const POSTGRES = 'postgres';

/** Runs on the docker stack only. */
export const KAFKA = 'kafka';

/** A process that no context declares is an engine, such as PostgreSQL. */
export const kindOf = (name: string): DeclaredProcess['kind'] | 'engine' =>
  PROCESSES.find((process) => process.name === name)?.kind ?? 'engine';

/** Everything that listens, with its default port. */
export const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ...PROCESSES.map(({ name, port }) => [name, port] as const),
  [POSTGRES, 54_329],
  [KAFKA, 19_092],
]);

/** All processes except the database, each with its environment. */
export function processes(
  ports: ReadonlyMap<string, number>,
  databaseUrl: (database: string) => string,
  common: Readonly<Record<string, string>>,
): readonly ProcessSpec[] {
  const portOf = (name: string) => ports.get(name) ?? 0;
  return PROCESSES.map(({ name, app, kind, context, stores, urls }) => ({
    name,
    kind,
    script: join(projectRoot(), 'dist/apps', app, 'src/main.js'),
    port: portOf(name),
    env: {
      HOST,
      PORT: String(portOf(name)),
      ...common,
      ...withoutSettingsOfOthers(app),
      ...(context.database && { DATABASE_URL: databaseUrl(context.database) }),
      ...(stores.includes('eventLog') && { EVENT_LOG_URL: databaseUrl(EVENT_LOG_DATABASE) }),
      ...(kind === 'relay' && { SERVICE: context.name }),
      ...Object.fromEntries(
        Object.entries(urls).map(([setting, other]) => [setting, `http://${HOST}:${portOf(other)}`]),
      ),
    },
  }));
}

/** The variables of all policies are set for the platform as a whole; a process refuses those of a policy it lacks. */
function withoutSettingsOfOthers(app: string): Readonly<Record<string, string>> {
  const variables = DECLARATIONS.flatMap(({ name, dependencies }) =>
    dependencies.flatMap((dependency) =>
      variablesOf(dependency).map((variable) => [name, variable] as const),
    ),
  );
  const own = new Set(variables.filter(([owner]) => owner === app).map(([, variable]) => variable));
  // An empty variable counts as unset.
  return Object.fromEntries(
    variables.flatMap(([, variable]) => (own.has(variable) ? [] : [[variable, ''] as const])),
  );
}

/** Those in the environment that set a dependency's policy: RESILIENCE_MAIL_SERVER_… for `mailServer`. */
function variablesOf(dependency: string): readonly string[] {
  const snake = dependency.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  return Object.keys(process.env).filter((variable) => variable.startsWith(`RESILIENCE_${snake}_`));
}
