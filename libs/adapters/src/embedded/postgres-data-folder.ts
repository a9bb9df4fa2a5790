import { randomBytes } from 'node:crypto';
import {
  chown,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { PostgresBinaries } from './postgres-binaries';
import { explain, isErrno } from './postgres-errors';
import { runProgram } from './postgres-process';
import { type Launcher, unprivilegedLauncher } from './unprivileged';

/** The superuser of every cluster. */
export const USER = 'postgres';
const PASSWORD_FILE = 'atlas-password';

export interface DataFolder {
  /** With symbolic links resolved. */
  readonly path: string;
  /** The superuser's password. */
  readonly password: string;
  /** Starts programs as the owner of the folder. */
  readonly launcher: Launcher;
}

/**
 * Prepares the folder for a server: initialises a missing or empty one, and checks that an existing one was created by
 * this version of PostgreSQL.
 * @throws Error with a sentence for the user.
 */
export async function openDataFolder(path: string, binaries: PostgresBinaries): Promise<DataFolder> {
  const home = await makeFolder(dirname(resolve(path)));
  const dataDir = join(home, basename(path));
  const launcher = await unprivilegedLauncher(home, [binaries.postgres, home]);
  if (await isEmpty(dataDir)) await initialise(dataDir, binaries, launcher);
  await checkVersion(dataDir, binaries);
  await handOver(dataDir, launcher);
  return { path: dataDir, password: await readFile(join(dataDir, PASSWORD_FILE), 'utf8'), launcher };
}

/**
 * Creates the cluster in a temporary folder next to its final one and renames it when complete, so that an interrupted
 * first start leaves nothing that looks like a data folder.
 */
async function initialise(dataDir: string, binaries: PostgresBinaries, launcher: Launcher): Promise<void> {
  const half = `${dataDir}.new`;
  const passwordFile = join(dirname(dataDir), `${PASSWORD_FILE}.new`);
  try {
    await rm(half, { recursive: true, force: true });
    await rm(passwordFile, { force: true });
    await mkdir(half, { mode: 0o700 });
    await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
    if (launcher.owner) {
      await chown(half, launcher.owner.uid, launcher.owner.gid);
      await chown(passwordFile, launcher.owner.uid, launcher.owner.gid);
    }
    await runProgram(
      launcher.command(binaries.initdb, [
        `--pgdata=${half}`,
        `--username=${USER}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--data-checksums',
      ]),
    );
    await rename(passwordFile, join(half, PASSWORD_FILE));
    await rename(half, dataDir);
    await syncFolder(dirname(dataDir));
  } catch (error) {
    await rm(half, { recursive: true, force: true }).catch(() => {});
    await rm(passwordFile, { force: true }).catch(() => {});
    throw explain(error, '', dataDir, undefined);
  }
}

async function checkVersion(dataDir: string, binaries: PostgresBinaries): Promise<void> {
  const version = await readFile(join(dataDir, 'PG_VERSION'), 'utf8').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw explain(error, '', dataDir, undefined);
  });
  if (version === undefined) {
    throw new Error(
      `${dataDir} contains other files but no PostgreSQL data: choose another folder, or run "npx atlas reset" to ` +
        'start over',
    );
  }
  if (version.trim() !== binaries.major) {
    throw new Error(
      `${dataDir} was created by PostgreSQL ${version.trim()}, but this is PostgreSQL ${binaries.major}: run ` +
        '"npx atlas reset" to delete the data and start over, or use the version of Atlas that created it',
    );
  }
}

/** Root may use another user's folder, but PostgreSQL insists on owning its data. */
async function handOver(dataDir: string, { owner }: Launcher): Promise<void> {
  if (!owner || (await stat(dataDir)).uid === owner.uid) return;
  const { uid, gid } = owner;
  for (const entry of await readdir(dataDir, { recursive: true }))
    await chown(join(dataDir, entry), uid, gid);
  await chown(dataDir, uid, gid);
}

async function makeFolder(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true });
    return await realpath(path);
  } catch (error) {
    throw explain(error, '', path, undefined);
  }
}

async function isEmpty(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length === 0;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return true;
    throw explain(error, '', path, undefined);
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
