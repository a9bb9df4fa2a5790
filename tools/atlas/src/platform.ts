import { Home, type PlatformState } from './home';
import { EVENT_LOG_DATABASE, SERVICES, type ServiceName } from './topology';
import { UserError } from './user-error';

/** The platform as it runs now, for commands that use it. */
export interface Platform {
  /** Base URLs of the services, such as `http://127.0.0.1:4001`. */
  readonly urls: Readonly<Record<ServiceName, string>>;
  /** `postgres://…` of each service's database. */
  readonly databases: Readonly<Record<ServiceName, string>>;
  /** `postgres://…` of the event log's database. */
  readonly eventLog: string;
  readonly state: PlatformState;
}

/** @throws UserError if no platform runs in the data folder. */
export async function connect(home = Home.fromEnvironment()): Promise<Platform> {
  const state = (await home.holder()) && (await home.readState());
  const urls = Object.fromEntries(state?.processes.map(({ name, url }) => [name, url]) ?? []);
  const databases = state?.databases ?? {};
  const each = (from: Readonly<Record<string, string>>): Record<ServiceName, string> =>
    Object.fromEntries(
      SERVICES.map((name) => {
        if (!from[name]) throw notRunning(home);
        return [name, from[name]];
      }),
    ) as Record<ServiceName, string>;
  const eventLog = databases[EVENT_LOG_DATABASE];
  if (!state || !eventLog) throw notRunning(home);
  return { urls: each(urls), databases: each(databases), eventLog, state };
}

export const notRunning = (home: Home): UserError =>
  new UserError(`No platform runs in ${home.path}: run "npm start" or "npx atlas up" first`);
