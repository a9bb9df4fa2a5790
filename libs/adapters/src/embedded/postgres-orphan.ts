import { spawnSync } from 'node:child_process';
import { readFile, readlink, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Larger than any process id on Linux (2^22) or macOS, so never alive. */
const NO_PROCESS = 4_194_304;

/**
 * Stops the server named in postmaster.pid if it still runs on the folder, because the process that started it was
 * killed.
 */
export async function endOrphan(path: string): Promise<void> {
  const dataDir = await realpath(path).catch(() => path);
  const file = join(dataDir, 'postmaster.pid');
  const content = await readFile(file, 'utf8').catch(() => undefined);
  const pid = Number(content?.split('\n')[0]);
  if (content === undefined || !Number.isInteger(pid) || pid < 2 || !isAlive(pid)) return;

  if (!(await servesFolder(pid, dataDir))) {
    // The id now belongs to another process, which the server would mistake for its predecessor. Only the id is
    // replaced: from the rest of the file the server detects old backends that still use its shared memory.
    await writeFile(file, content.replace(/^\d+/, String(NO_PROCESS)));
    return;
  }
  process.kill(pid, 'SIGINT'); // fast shutdown
  if (await gone(pid, dataDir, 20_000)) return;
  process.kill(pid, 'SIGQUIT'); // immediate shutdown; the next start recovers
  if (await gone(pid, dataDir, 10_000)) return;
  throw new Error(`A PostgreSQL server (pid ${pid}) on ${dataDir} does not stop: kill it and start again`);
}

async function servesFolder(pid: number, dataDir: string): Promise<boolean> {
  // A postmaster's working directory is its data folder; a zombie has none.
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
    // EPERM: alive, but owned by another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
