import { setTimeout as sleep } from 'node:timers/promises';
import type { Container } from '../container';
import { DockerStack } from '../docker-stack';
import { Home } from '../home';
import type { Log } from '../log';
import { DOWN, type Health, healthOf } from '../health';
import { portVariableOf } from '../names';
import { choosePorts, type PortWish } from '../ports';
import { kindOf } from '../topology';
import { UserError } from '../user-error';
import type { UpOptions } from './up';

/** The output of `up --json`. */
export interface DockerState {
  readonly stack: 'docker';
  readonly project: string;
  readonly processes: readonly {
    readonly name: string;
    readonly kind: string;
    readonly url: string | null;
  }[];
}

const READY_TIMEOUT_MS = 180_000;

/**
 * Builds and starts the containers, waits until all are ready, and prints their logs until a signal stops it.
 * @param whenReady called once everything is ready.
 * @param detach whether to return then, and keep the containers running.
 * @returns the exit code.
 */
export async function runUpDocker(
  options: UpOptions,
  log: Log,
  whenReady: (state: DockerState) => Promise<void>,
  detach: boolean,
): Promise<number> {
  const home = Home.fromEnvironment();
  const holder = await home.holder();
  if (holder) throw new UserError(await home.alreadyRuns(holder));
  const stack = new DockerStack(home);
  await stack.require();
  await stack.refuseIfRunning();
  const told = new AbortController();
  const stop = (name: NodeJS.Signals) => {
    if (!told.signal.aborted) log.note(`${name}: stopping`);
    told.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop);
  const begin = performance.now();
  try {
    await stack.build();
    // Choose ports after the build, which takes a while: until then another process could take them.
    await stack.up(await settingsOf(options, log));
    await untilReady(stack, told.signal);
    log.note(`everything is ready after ${((performance.now() - begin) / 1_000).toFixed(1)} s`);
    await whenReady(stateOf(stack, await stack.containers()));
    if (detach) return 0;
    await stack.follow((service, line) => log.line(service, line), told.signal);
  } catch (error) {
    if (!told.signal.aborted) throw error;
  }
  await stack.down();
  log.note('everything has stopped');
  return 0;
}

export function printDockerState(
  state: DockerState,
  { json, stop }: { json?: boolean | undefined; stop: string },
): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(state, undefined, 2)}\n`);
    return;
  }
  const lines = state.processes
    .filter(({ kind }) => kind === 'service')
    .map(({ name, url }) => `  ${name.padEnd(10)} ${url}/docs`);
  process.stdout.write(`Atlas is up in containers; ${stop} stops it.\n${lines.join('\n')}\n`);
}

/** The settings for the compose file: the ports and the log level. */
export async function settingsOf({ ports, logLevel }: UpOptions, log: Log): Promise<Record<string, string>> {
  // A relay can have several containers, so Docker picks free ports for them.
  const wishes = ports.filter(({ name, fixed }: PortWish) => fixed || kindOf(name) !== 'relay');
  const chosen = await choosePorts(wishes, ({ name, port: usual, setBy }, port) =>
    log.note(
      `port ${usual} for ${name} is in use; using ${port} instead (to choose one, set ${setBy})`,
      'warn',
    ),
  );
  return {
    ...Object.fromEntries([...chosen].map(([name, port]) => [portVariableOf(name), String(port)])),
    ...(logLevel && { LOG_LEVEL: logLevel }),
  };
}

/** Waits until all containers are ready. @throws UserError that names those that are not within three minutes. */
export async function untilReady(stack: DockerStack, signal: AbortSignal): Promise<void> {
  for (const deadline = Date.now() + READY_TIMEOUT_MS; ; await sleep(250, undefined, { signal })) {
    const containers = await stack.containers();
    const waiting: string[] = [];
    for (const each of containers) if (!(await healthIn(each)).ready) waiting.push(each.name);
    if (containers.length > 0 && waiting.length === 0) return;
    if (Date.now() > deadline) {
      throw new UserError(
        `Not ready within ${READY_TIMEOUT_MS / 1_000} s: ${waiting.join(', ')}; ` +
          `"docker compose --project-name ${stack.project} logs" shows why`,
      );
    }
  }
}

/** What the process reports; for PostgreSQL and Kafka, the result of Docker's health check. */
export async function healthIn({ service, running, health, port }: Container): Promise<Health> {
  if (!running || port === undefined) return DOWN;
  if (kindOf(service) === 'engine') return { ...DOWN, ready: health === 'healthy' };
  return healthOf(`http://127.0.0.1:${port}`);
}

const stateOf = ({ project }: DockerStack, containers: readonly Container[]): DockerState => ({
  stack: 'docker',
  project,
  processes: containers.map(({ name, service, port }) => {
    const kind = kindOf(service);
    return { name, kind, url: kind === 'engine' || port === undefined ? null : `http://127.0.0.1:${port}` };
  }),
});
