import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DockerStack } from '../docker-stack';
import { Home } from '../home';
import type { PlatformState } from '../platform-state';
import { fileWriter, Log } from '../log';
import type { Stack } from '../stacks';
import { choosePorts, type PortWish } from '../ports';
import { endRemains, Supervisor } from '../supervisor';
import { DATABASES, GRACE_MS, KAFKA, POSTGRES, processes } from '../topology';
import { UserError } from '../user-error';

export interface UpOptions {
  readonly json?: boolean;
  readonly stack?: Stack;
  readonly ports: readonly PortWish[];
  /** Log level of all processes; default: each process's own. */
  readonly logLevel?: string | undefined;
}

/** Small heaps: a process keeps little in memory, and all of them must fit on a laptop. */
export const NODE_FLAGS = ['--max-old-space-size=256', '--max-semi-space-size=8', '--enable-source-maps'];

/**
 * Runs the platform in this process until a signal stops it.
 * @param whenReady called once everything is ready.
 * @returns the exit code.
 */
export async function runUp(
  options: UpOptions,
  log: Log,
  whenReady: (state: PlatformState) => Promise<void>,
): Promise<number> {
  const home = Home.fromEnvironment();
  await home.open();
  await new DockerStack(home).refuseIfRunning();
  const unlock = await home.lock();
  try {
    const begin = performance.now();
    await endRemains(home, GRACE_MS, (text) => log.note(text, 'warn'));
    const wishes = options.ports.filter(({ name }) => name !== KAFKA);
    const ports = await choosePorts(wishes, ({ name, port: usual, setBy }, port) =>
      log.note(
        `port ${usual} for ${name} is in use; using ${port} instead (to choose one, set ${setBy})`,
        'warn',
      ),
    );
    const supervisor = new Supervisor(home, planOf(ports, options), log);
    const toldToStop = stopOnSignal(supervisor, log);
    const told = once(toldToStop, 'abort');
    try {
      await supervisor.start();
      log.note(`everything is ready after ${((performance.now() - begin) / 1_000).toFixed(1)} s`);
      await Promise.race([whenReady(supervisor.state()), told]);
      await told;
    } catch (error) {
      if (!toldToStop.aborted) throw error;
    } finally {
      await supervisor.stop();
    }
    log.note('everything has stopped');
    return 0;
  } finally {
    await unlock();
  }
}

/** For commands in the foreground: writes to stderr, because stdout is reserved for the result. */
export function foregroundLog(json: boolean): Log {
  return new Log({
    write: (text) => void process.stderr.write(text),
    json,
    colour: process.stderr.isTTY && process.stderr.hasColors(),
  });
}

export function printState(
  state: PlatformState,
  options: { json?: boolean | undefined; stop: string },
): void {
  if (options.json) {
    process.stdout.write(`${JSON.stringify(state, undefined, 2)}\n`);
    return;
  }
  const lines = state.processes
    .filter(({ kind }) => kind === 'service')
    .map(({ name, url }) => `  ${name.padEnd(10)} ${url}/docs`);
  process.stdout.write(`Atlas is up; ${options.stop} stops it.\n${lines.join('\n')}\n`);
}

type Report = { readonly ready: PlatformState } | { readonly note: string } | { readonly failed: string };

/** The process that {@link detach} leaves behind. */
export async function runInBackground(options: UpOptions): Promise<number> {
  const report = (message: Report) => {
    // The parent may have been killed; then there is nobody to report to.
    if (process.connected) process.send?.(message, () => {});
  };
  const log = new Log({
    write: fileWriter(Home.fromEnvironment().logFile),
    json: false,
    colour: false,
    onNote: (note) => report({ note }),
  });
  try {
    return await runUp(options, log, async (ready) => report({ ready }));
  } catch (error) {
    log.line('atlas', (error as Error).message);
    report({ failed: (error as Error).message });
    return 1;
  }
}

/**
 * Starts the platform in a background process and waits until everything is ready.
 * @throws UserError if it fails to start.
 */
export async function detach(): Promise<PlatformState> {
  const home = Home.fromEnvironment();
  await home.open();
  const output = openLog(home);
  const args = process.argv.slice(2).filter((arg) => arg !== '--detach');
  const child = spawn(process.execPath, [process.argv[1] as string, ...args, '--background'], {
    detached: true,
    stdio: ['ignore', output, output, 'ipc'],
  });
  closeSync(output);
  const interrupt = () => child.kill('SIGTERM');
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const state = await reportOf(child, home);
  child.disconnect();
  child.unref();
  return state;
}

function reportOf(child: ChildProcess, home: Home): Promise<PlatformState> {
  return new Promise((done, failed) => {
    child.on('message', (message) => {
      const report = message as Report;
      if ('note' in report) process.stderr.write(`${report.note}\n`);
      else if ('ready' in report) done(report.ready);
      else failed(new UserError(report.failed));
    });
    child.once('error', failed);
    child.once('exit', () =>
      failed(new UserError(`The platform exited during startup; its log is ${home.logFile}`)),
    );
  });
}

function openLog(home: Home): number {
  try {
    mkdirSync(dirname(home.logFile), { recursive: true });
    return openSync(home.logFile, 'a');
  } catch (error) {
    throw home.explain(error);
  }
}

function planOf(ports: ReadonlyMap<string, number>, { logLevel }: UpOptions) {
  return {
    postgresPort: ports.get(POSTGRES) ?? 0,
    databases: DATABASES,
    processes: (databaseUrl: (database: string) => string) =>
      processes(ports, databaseUrl, logLevel ? { LOG_LEVEL: logLevel } : {}),
    nodeFlags: NODE_FLAGS,
    graceMs: GRACE_MS,
  };
}

/** The first signal stops everything in order, a second Ctrl-C kills everything at once. */
function stopOnSignal(supervisor: Supervisor, log: Log): AbortSignal {
  const told = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (!told.signal.aborted) {
      log.note(`${name}: stopping${name === 'SIGINT' ? '; press Ctrl-C again to stop at once' : ''}`);
      told.abort();
      void supervisor.stop();
    } else if (name === 'SIGINT') {
      log.note('Ctrl-C again: killing everything', 'warn');
      void supervisor.hurry();
    }
    // Ignore other repeated signals: npm forwards a signal that the terminal has already sent.
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
  return told.signal;
}
