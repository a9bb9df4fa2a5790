import { type ChildProcess, spawn } from 'node:child_process';
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
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries';
import { endOrphan } from './postgres-orphan';
import { type Launcher, unprivilegedLauncher } from './unprivileged';

export interface EmbeddedPostgresOptions {
  /** Where the database cluster lives; made when missing. One process at a time may use it. */
  readonly dataDir: string;
  /** TCP port on 127.0.0.1; default: a free one. */
  readonly port?: number;
  /** Server settings on top of {@link SETTINGS}. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Gets every line of the server's log. */
  readonly onLog?: (line: string) => void;
  /** How long the server may take to accept connections, crash recovery included, milliseconds. */
  readonly startTimeoutMs?: number;
}

/** How a server process ended. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const USER = 'postgres';
const HOST = '127.0.0.1';
const PASSWORD_FILE = 'atlas-password';

/** Durable, and sized for a laptop that runs the whole platform. */
export const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: HOST,
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  fsync: 'on',
  synchronous_commit: 'on',
  wal_compression: 'on',
  min_wal_size: '128MB',
  max_wal_size: '1GB',
  random_page_cost: '1.1',
  // The services already use every core, and compiling short queries costs more than it saves.
  max_parallel_workers_per_gather: '0',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '',
  log_checkpoints: 'off',
  // Whoever sends a statement that fails logs it; here it would be without context, and its data would show.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
};

/** A PostgreSQL server of its own, run from the binaries that npm brings, on the loopback interface only. */
export class EmbeddedPostgres {
  private constructor(
    readonly dataDir: string,
    readonly port: number,
    private readonly process: ChildProcess,
    private readonly exited: Promise<ServerExit>,
    private readonly password: string,
  ) {}

  /**
   * Starts the server on `dataDir`, initialising it first when it is missing or empty. A server that a killed
   * process left behind on that folder is stopped first; what a crash left is recovered. Resolves when the server
   * accepts connections.
   * @throws Error with a sentence that says what is wrong: port in use, folder not writable, disk full, data of
   *   another PostgreSQL version.
   */
  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const binaries = await findPostgresBinaries();
    const home = await makeFolder(dirname(resolve(options.dataDir)));
    const dataDir = join(home, basename(options.dataDir));
    const launcher = await unprivilegedLauncher(home, [binaries.postgres, home]);
    if (await isEmpty(dataDir)) await initialise(dataDir, binaries, launcher);
    await checkVersion(dataDir, binaries);
    await handOver(dataDir, launcher);
    const password = await readFile(join(dataDir, PASSWORD_FILE), 'utf8');
    await endOrphan(dataDir);

    // Backends outlive a killed postmaster for a moment, and the folder stays locked until they are gone.
    const deadline = Date.now() + 30_000;
    for (;;) {
      const port = options.port ?? (await freePort());
      const run = launch(dataDir, port, binaries, launcher, options);
      const server = new EmbeddedPostgres(dataDir, port, run.process, run.exited, password);
      try {
        await server.untilReady(options.startTimeoutMs ?? 120_000);
        return server;
      } catch (error) {
        await server.stop();
        const reason = run.tail.join('\n');
        const passing =
          /pre-existing shared memory block|lock file .* already exists/.test(reason) ||
          (options.port === undefined && /could not bind/.test(reason));
        if (passing && Date.now() < deadline) {
          await sleep(100);
          continue;
        }
        throw explain(error, reason, dataDir, port);
      }
    }
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  /** `postgres://…` with the password of the superuser. */
  urlOf(database: string): string {
    return `postgres://${USER}:${this.password}@${HOST}:${this.port}/${database}`;
  }

  /** Calls `listener` once when the server process has ended, for whatever reason. */
  onExit(listener: (exit: ServerExit) => void): void {
    void this.exited.then(listener);
  }

  /** Makes those databases that are missing. */
  async ensureDatabases(names: readonly string[]): Promise<void> {
    const client = this.client();
    await client.connect();
    try {
      const { rows } = await client.query<{ datname: string }>('SELECT datname FROM pg_database');
      const present = new Set(rows.map(({ datname }) => datname));
      for (const name of names) {
        if (!present.has(name)) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
      }
    } finally {
      await client.end();
    }
  }

  /**
   * Ends open sessions, writes everything down and stops. After `graceMs` it stops at once, which is as safe, but
   * makes the next start slower.
   */
  async stop(graceMs = 30_000): Promise<void> {
    this.process.kill('SIGINT'); // "fast shutdown"
    const hurry = setTimeout(() => this.process.kill('SIGQUIT'), graceMs); // "immediate shutdown"
    await this.exited;
    clearTimeout(hurry);
  }

  private client(): Client {
    return new Client({ connectionString: this.urlOf('postgres'), connectionTimeoutMillis: 5_000 });
  }

  private async untilReady(timeoutMs: number): Promise<void> {
    // Not only the attempt decides: another server may have the port, and leave it unanswered.
    const ended = this.exited.then(({ code, signal }) => {
      throw new Error(`it ended with ${signal ?? `code ${code}`}`);
    });
    for (const deadline = Date.now() + timeoutMs; ; await Promise.race([sleep(25), ended])) {
      try {
        await Promise.race([this.answer(), ended]);
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  }

  private async answer(): Promise<void> {
    const client = this.client();
    client.on('error', () => {}); // the failed query tells
    try {
      await client.connect();
      await client.query('SELECT 1');
    } finally {
      await client.end().catch(() => {});
    }
  }
}

interface Run {
  readonly process: ChildProcess;
  readonly exited: Promise<ServerExit>;
  /** The last lines of its log. */
  readonly tail: readonly string[];
}

function launch(
  dataDir: string,
  port: number,
  binaries: PostgresBinaries,
  launcher: Launcher,
  options: EmbeddedPostgresOptions,
): Run {
  const settings = Object.entries({ ...SETTINGS, ...options.settings, port: String(port) });
  const args = ['-D', dataDir, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const { file, args: argv, ...user } = launcher.command(binaries.postgres, args);
  const child = spawn(file, argv, {
    ...user,
    cwd: '/',
    env: environment(),
    stdio: ['ignore', 'ignore', 'pipe'],
    // The terminal's Ctrl-C must not reach it: whoever started it stops it, in its own order.
    detached: true,
  });
  leash(child);
  const tail: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    tail.push(line);
    if (tail.length > 20) tail.shift();
    options.onLog?.(line);
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
 * Stops the server when this process ends without having done so, even by kill -9: then the pipe that the shell
 * reads from is closed.
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

/**
 * Makes the cluster beside its place and moves it there when it is whole, so that an interrupted first start leaves
 * nothing that looks like a data folder.
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
    await run(
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

function run({ file, args, ...user }: ReturnType<Launcher['command']>): Promise<void> {
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

/** PostgreSQL's programs take settings from PG… variables; none of the caller's must reach them. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('PG') && !name.startsWith('LC_'),
  );
  return { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC' };
}

async function checkVersion(dataDir: string, binaries: PostgresBinaries): Promise<void> {
  const version = await readFile(join(dataDir, 'PG_VERSION'), 'utf8').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw explain(error, '', dataDir, undefined);
  });
  if (version === undefined) {
    throw new Error(
      `${dataDir} holds other files and no PostgreSQL data: choose another folder, or run "npx atlas reset" to ` +
        'begin anew',
    );
  }
  if (version.trim() !== binaries.major) {
    throw new Error(
      `${dataDir} was made by PostgreSQL ${version.trim()}, and this is PostgreSQL ${binaries.major}: run ` +
        '"npx atlas reset" to throw the data away and begin anew, or go back to the version of Atlas that made it',
    );
  }
}

/** Root may have been given a folder that another user made: PostgreSQL insists on owning its data. */
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

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const probe = createServer();
    probe.once('error', failed);
    probe.listen(0, HOST, () => {
      const address = probe.address();
      probe.close(() => done((address as AddressInfo).port));
    });
  });
}

// By shape: Jest runs tests in a realm whose Error is not the system's.
const isErrno = (error: unknown, code: string): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code;

const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);

/** Turns what the system or the server said into a sentence for whoever runs the platform. */
function explain(error: unknown, output: string, dataDir: string, port: number | undefined): Error {
  const text = `${messageOf(error)}\n${output}`;
  const because = { cause: error };
  if (/No space left on device|ENOSPC|Disk quota exceeded|EDQUOT/i.test(text)) {
    return new Error(
      `The disk of ${dataDir} is full: make room there and start again; no data is lost`,
      because,
    );
  }
  if (/Read-only file system|EROFS|EACCES|EPERM|Permission denied/i.test(text)) {
    return new Error(
      `The data folder ${dataDir} can't be written by this user: make it writable, or set ATLAS_HOME to another ` +
        'folder',
      because,
    );
  }
  if (port !== undefined && /could not bind|Address already in use/.test(text)) {
    return new Error(`Port ${port} is in use: stop what listens there, or choose another port`, because);
  }
  return new Error(`PostgreSQL did not start on ${dataDir}: ${text.trim()}`, because);
}
