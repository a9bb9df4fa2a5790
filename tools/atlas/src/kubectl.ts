import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { HOST } from './ports';
import { UserError } from './user-error';

const exec = promisify(execFile);
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const FORWARD_TIMEOUT_MS = 60_000;
const RETRY_MS = 500;

/**
 * Runs kubectl in a namespace. @returns its stdout.
 * @throws UserError with kubectl's own words if it fails.
 */
export async function kubectl(namespace: string, ...args: readonly string[]): Promise<string> {
  try {
    const options = { maxBuffer: MAX_OUTPUT_BYTES };
    return (await exec('kubectl', ['--namespace', namespace, ...args], options)).stdout;
  } catch (error) {
    const { code, stderr = '' } = error as { code?: string | number; stderr?: string };
    throw new UserError(
      code === 'ENOENT'
        ? 'The kubectl command was not found: install it, or run without "--stack k8s"'
        : `kubectl ${args.slice(0, 2).join(' ')} failed: ${stderr.trim().split('\n').at(-1)}`,
      { cause: error },
    );
  }
}

/**
 * Forwards a port of this machine to a pod or service, and does so again whenever that is replaced, until this process ends.
 * @param local the port. If it is in use, another `atlas` is assumed to forward it, and that is used while it lasts. Default:
 *   any free port.
 * @returns the port.
 */
export async function forward(
  namespace: string,
  target: string,
  port: number,
  local?: number,
): Promise<number> {
  let chosen = local;
  let child: ChildProcess | undefined;
  process.once('exit', () => child?.kill());

  const open = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const args = ['port-forward', '--address', HOST, target, `${chosen ?? ''}:${port}`];
      child = spawn('kubectl', ['--namespace', namespace, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
      // This process ends when its work is done, whatever is forwarded.
      for (const each of [child, child.stdout, child.stderr]) (each as { unref?: () => void }).unref?.();
      let errors = '';
      child.stderr?.on('data', (chunk: Buffer) => (errors = `${errors}${chunk.toString()}`.slice(-1_000)));
      child.stdout?.on('data', (chunk: Buffer) => {
        const found = /Forwarding from \S+:(\d+) ->/.exec(chunk.toString())?.[1];
        if (found) resolve((chosen = Number(found)));
      });
      child.once('error', reject);
      child.once('exit', () => {
        if (local !== undefined && errors.includes('address already in use')) resolve(local);
        reject(new UserError(`"kubectl port-forward ${target}" ended: ${errors.trim()}`));
        setTimeout(() => void open().catch(() => undefined), RETRY_MS).unref();
      });
    });

  const deadline = new AbortController();
  const late = pause(FORWARD_TIMEOUT_MS, undefined, { signal: deadline.signal }).then(() => {
    throw new UserError(`"kubectl port-forward ${target}" is not ready after ${FORWARD_TIMEOUT_MS} ms`);
  });
  try {
    return await Promise.race([open(), late]);
  } finally {
    deadline.abort();
    late.catch(() => undefined);
  }
}
