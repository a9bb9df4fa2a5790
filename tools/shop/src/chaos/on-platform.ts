import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '@atlas/cli/user-error';
import { say } from './say';
import { running } from './victims';

/**
 * Runs `work` on the running platform or, if there is none, on a temporary one, which is deleted if the work succeeds.
 * @param work gets a signal that aborts on Ctrl-C; returns an exit code.
 */
export async function onPlatform(work: (interrupted: AbortSignal) => Promise<number>): Promise<number> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new UserError('Interrupted'));
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, interrupt);
  try {
    const isUp = (await running()).length > 0;
    return await (isUp ? work(interrupted.signal) : onTemporaryPlatform(work, interrupted.signal));
  } catch (error) {
    interrupted.signal.throwIfAborted(); // the failure is a consequence of Ctrl-C
    throw error;
  }
}

async function onTemporaryPlatform(
  work: (interrupted: AbortSignal) => Promise<number>,
  signal: AbortSignal,
): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'atlas-chaos-'));
  await chmod(folder, 0o755); // the database may run as another user
  process.env['ATLAS_HOME'] = folder;
  say(`starting a temporary platform in ${folder}`);
  let code: number | undefined;
  try {
    if ((await atlas(['up', '--detach'], signal)) !== 0) {
      throw new UserError(`The platform in ${folder} failed to start`);
    }
    code = await work(signal);
    return code;
  } finally {
    await atlas(['down']);
    if (code === 0 || signal.aborted) await rm(folder, { recursive: true });
    else say(`the data is kept in ${folder}; to inspect it, run ATLAS_HOME=${folder} npx atlas up`);
  }
}

/** Runs another atlas command in a separate process group, so that the terminal's Ctrl-C doesn't reach it. */
async function atlas(args: readonly string[], signal?: AbortSignal): Promise<number> {
  const child = spawn(process.execPath, [process.argv[1] as string, ...args], {
    stdio: ['ignore', 2, 2],
    detached: true,
  });
  const [code] = (await once(child, 'exit', { signal })) as [number | null];
  return code ?? 1;
}
