import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Launcher } from './unprivileged';

/** How a server process ended. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ServerProcess {
  readonly process: ChildProcess;
  readonly exited: Promise<ServerExit>;
  /** The last lines of its log. */
  readonly tail: readonly string[];
}

/**
 * Starts a server process that stops when this process ends, for whatever reason.
 * @param settings override the configuration files.
 * @param onLog is called with every line of its log.
 */
export function launchServer(
  program: string,
  dataDir: string,
  settings: Readonly<Record<string, string>>,
  launcher: Launcher,
  onLog?: (line: string) => void,
): ServerProcess {
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const { file, args, ...user } = launcher.command(program, ['-D', dataDir, ...options]);
  const child = spawn(file, args, {
    ...user,
    cwd: '/',
    env: environment(),
    stdio: ['ignore', 'ignore', 'pipe'],
    // Ctrl-C in the terminal must not reach the server: the process that started it stops it, in the right order.
    detached: true,
  });
  leash(child);
  const tail: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    tail.push(line);
    if (tail.length > 20) tail.shift();
    onLog?.(line);
  });
  const exited = new Promise<ServerExit>((done) => {
    child.once('error', (error) => {
      tail.push(error.message);
      done({ code: null, signal: null });
    });
    child.once('close', (code, signal) => done({ code, signal }));
  });
  return { process: child, exited, tail };
}

/**
 * Stops the server if this process ends without stopping it, even by kill -9, because that closes the pipe that the
 * shell reads from.
 */
function leash(server: ChildProcess): void {
  if (server.pid === undefined) return;
  const shell = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$1"', 'sh', String(server.pid)], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  server.once('exit', () => shell.kill('SIGKILL'));
  shell.unref();
  (shell.stdin as Socket).unref();
}

/** Runs a program to completion. @throws Error with its error output if its exit code is not 0. */
export function runProgram({ file, args, ...user }: ReturnType<Launcher['command']>): Promise<void> {
  return new Promise((done, failed) => {
    const child = spawn(file, args, {
      ...user,
      cwd: '/',
      env: environment(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', failed);
    child.once('close', (code) => (code === 0 ? done() : failed(new Error(output.trim()))));
  });
}

/** PostgreSQL's programs read PG… and LC_… variables; the caller's must not affect them. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('PG') && !name.startsWith('LC_'),
  );
  return { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC' };
}
