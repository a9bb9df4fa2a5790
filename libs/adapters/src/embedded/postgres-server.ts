import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import { findPostgresBinaries } from './postgres-binaries';
import { openDataFolder, USER } from './postgres-data-folder';
import { explain } from './postgres-errors';
import { endOrphan } from './postgres-orphan';
import { launchServer, type ServerExit } from './postgres-process';

export interface EmbeddedPostgresOptions {
  /** The folder of the database cluster; created if missing. Only one process at a time may use it. */
  readonly dataDir: string;
  /** TCP port on 127.0.0.1; default: a free one. */
  readonly port?: number;
  /** Server settings in addition to {@link SETTINGS}. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Called with every line of the server's log. */
  readonly onLog?: (line: string) => void;
  /** How long the server may take to accept connections, including crash recovery, milliseconds. Default 120,000. */
  readonly startTimeoutMs?: number;
}

const HOST = '127.0.0.1';

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
  // The services already use every core, and JIT compilation of short queries costs more than it saves.
  max_parallel_workers_per_gather: '0',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '',
  log_checkpoints: 'off',
  // The client logs failed statements. The server's log would lack context and reveal data.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
};

/** A PostgreSQL server from the binaries of the npm package, on the loopback interface only. */
export class EmbeddedPostgres {
  private constructor(
    readonly dataDir: string,
    readonly port: number,
    private readonly process: ChildProcess,
    private readonly exited: Promise<ServerExit>,
    private readonly password: string,
  ) {}

  /**
   * Starts the server on `dataDir`, initialising a missing or empty folder. Stops a server that a killed process left
   * running there. Recovers from a crash. Resolves when the server accepts connections.
   * @throws Error with a message for the user: port in use, folder not writable, disk full, data of another PostgreSQL
   * version.
   */
  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const binaries = await findPostgresBinaries();
    const { path: dataDir, password, launcher } = await openDataFolder(options.dataDir, binaries);
    await endOrphan(dataDir);

    // Backends outlive a killed postmaster for a moment, and the folder stays locked until they are gone.
    const deadline = Date.now() + 30_000;
    for (;;) {
      const port = options.port ?? (await freePort());
      const settings = { ...SETTINGS, ...options.settings, port: String(port) };
      const run = launchServer(binaries.postgres, dataDir, settings, launcher, options.onLog);
      const server = new EmbeddedPostgres(dataDir, port, run.process, run.exited, password);
      try {
        await server.untilReady(options.startTimeoutMs ?? 120_000);
        return server;
      } catch (error) {
        await server.stop();
        const reason = run.tail.join('\n');
        const isTransient =
          /pre-existing shared memory block|lock file .* already exists/.test(reason) ||
          (options.port === undefined && /could not bind/.test(reason));
        if (isTransient && Date.now() < deadline) {
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
    return this.urlFor(USER, this.password, database);
  }

  /** Calls `listener` once when the server process has ended, for whatever reason. */
  onExit(listener: (exit: ServerExit) => void): void {
    void this.exited.then(listener);
  }

  /**
   * Creates missing databases, each with a role of the same name that owns it: no other role may even connect. Every
   * call gives the roles new passwords, which are stored nowhere else.
   * @returns the URL of each database, by name, for its own role.
   */
  async ensureDatabases(names: readonly string[]): Promise<Readonly<Record<string, string>>> {
    const client = this.client();
    await client.connect();
    try {
      const databases = await namesOf(client, 'SELECT datname AS name FROM pg_database');
      const roles = await namesOf(client, 'SELECT rolname AS name FROM pg_roles');
      const urls: Record<string, string> = {};
      for (const name of names) {
        const [id, password] = [escapeIdentifier(name), randomBytes(24).toString('base64url')];
        const verb = roles.has(name) ? 'ALTER' : 'CREATE';
        await client.query(`${verb} ROLE ${id} LOGIN PASSWORD ${escapeLiteral(password)}`);
        if (!databases.has(name)) await client.query(`CREATE DATABASE ${id} OWNER ${id}`);
        await client.query(`REVOKE ALL ON DATABASE ${id} FROM PUBLIC`);
        urls[name] = this.urlFor(name, password, name);
      }
      return urls;
    } finally {
      await client.end();
    }
  }

  /**
   * Ends open sessions, writes a checkpoint and stops. After `graceMs` milliseconds it stops immediately, which is as
   * safe but makes the next start slower.
   */
  async stop(graceMs = 30_000): Promise<void> {
    this.process.kill('SIGINT'); // "fast shutdown"
    const hurry = setTimeout(() => this.process.kill('SIGQUIT'), graceMs); // "immediate shutdown"
    await this.exited;
    clearTimeout(hurry);
  }

  private urlFor(role: string, password: string, database: string): string {
    return `postgres://${role}:${password}@${HOST}:${this.port}/${database}`;
  }

  private client(): Client {
    return new Client({ connectionString: this.urlOf('postgres'), connectionTimeoutMillis: 5_000 });
  }

  private async untilReady(timeoutMs: number): Promise<void> {
    // Another server may hold the port and never respond, so also watch for the end of the process.
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
    // As pg_ctl does: whoever connects earlier is refused, with a FATAL line in the server's log.
    const lines = (await readFile(join(this.dataDir, 'postmaster.pid'), 'utf8')).split('\n');
    if (lines[0] !== String(this.pid) || lines[7]?.trim() !== 'ready')
      throw new Error('it is still starting');
    const client = this.client();
    client.on('error', () => {}); // the failed query reports it
    try {
      await client.connect();
      await client.query('SELECT 1');
    } finally {
      await client.end().catch(() => {});
    }
  }
}

async function namesOf(client: Client, sql: string): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string }>(sql);
  return new Set(rows.map(({ name }) => name));
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
