import { spawnSync } from 'node:child_process';
import { readFile, readlink, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Larger than any process id that Linux (2^22) or macOS gives out, so never alive. */
const NO_PROCESS = 4_194_304;

/**
 * Stops the server that postmaster.pid names, if it still runs on the folder: whoever started it was killed.
 */
export async function endOrphan(path: string): Promise<void> {
  const dataDir = await realpath(path).catch(() => path);
  const file = join(dataDir, 'postmaster.pid');
  const content = await readFile(file, 'utf8').catch(() => undefined);
  const pid = Number(content?.split('\n')[0]);
  if (content === undefined || !Number.isInteger(pid) || pid < 2 || !isAlive(pid)) return;

  if (!(await servesFolder(pid, dataDir))) {
    // The number belongs to another process by now, which the server would take for its predecessor. Only the
    // number is replaced: the rest of the file is how the server sees whether old backends still hold its memory.
    await writeFile(file, content.replace(/^\d+/, String(NO_PROCESS)));
    return;
  }
  process.kill(pid, 'SIGINT'); // fast shutdown
  if (await gone(pid, dataDir, 20_000)) return;
  process.kill(pid, 'SIGQUIT'); // immediate shutdown; the next start recovers
  if (await gone(pid, dataDir, 10_000)) return;
  throw new Error(`A PostgreSQL server (pid ${pid}) on ${dataDir} does not stop: end it and start again`);
}

async function servesFolder(pid: number, dataDir: string): Promise<boolean> {
  // A postmaster works inside its data folder; a zombie works nowhere.
  if (process.platform === 'linux') return (await readlink(`/proc/${pid}/cwd`).catch(() => '')) === dataDir;
  return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout.includes(
    dataDir,
  );
}

async function gone(pid: number, dataDir: string, deadlineMs: number): Promise<boolean> {
  for (const deadline = Date.now() + deadlineMs; Date.now() < deadline; await sleep(25)) {
    if (!(await servesFolder(pid, dataDir))) return true;
  }
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: alive, and someone else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
