import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedPostgres, endOrphan } from '@atlas/adapters/embedded';
import type { Home } from './home';
import type { PlatformState } from './platform-state';
import type { Log } from './log';
import { ManagedProcess, type ProcessSpec } from './managed-process';
import { identify, isRunning, type ProcessIdentity, signal } from './process-identity';
import { Restarts } from './restarts';
import { UserError } from './user-error';

/** What to run. */
export interface Plan {
  readonly postgresPort: number;
  readonly databases: readonly string[];
  readonly processes: (databaseUrl: (database: string) => string) => readonly ProcessSpec[];
  /** Node options for every process. */
  readonly nodeFlags: readonly string[];
  /** How long a process may take to stop before it is killed, milliseconds. */
  readonly graceMs: number;
}

/**
 * Runs the database and the processes, restarts what dies, and keeps the state file up to date. Stops services first,
 * so that no new requests arrive; then relays, outside systems, and the database last.
 */
export class Supervisor {
  private readonly startedAt = new Date();
  private managed: readonly ManagedProcess[] = [];
  private databases: Readonly<Record<string, string>> = {};
  private adminUrls: ((database: string) => string) | undefined;
  private postgres: EmbeddedPostgres | undefined;
  private postgresSince = new Date();
  private readonly postgresRestarts = new Restarts();
  private stopping: Promise<void> | undefined;
  private writing = Promise.resolve();

  constructor(
    private readonly home: Home,
    private readonly plan: Plan,
    private readonly log: Log,
  ) {}

  /**
   * Resolves when everything is ready. The caller holds the folder's lock and has called {@link endRemains}.
   * @throws UserError or Error if something can't start; everything is stopped first.
   */
  async start(): Promise<void> {
    try {
      const postgres = await this.startPostgres();
      this.databases = await postgres.ensureDatabases(this.plan.databases);
      this.adminUrls = (name) => postgres.urlOf(name);
      if (this.stopping) throw new UserError('Stopped during startup');
      this.managed = this.plan
        .processes((name) => this.databases[name] ?? '')
        .map((spec) => new ManagedProcess(spec, this.log, this.plan.nodeFlags, () => this.keepState()));
      for (const one of this.managed) one.start();
      await Promise.all(this.managed.map((one) => one.untilReady()));
      await this.writing;
    } catch (error) {
      await this.stop();
      // stop() may have been called before the server was up.
      await this.postgres?.stop(this.plan.graceMs);
      throw error;
    }
  }

  state(): PlatformState {
    return {
      supervisor: identify(process.pid) ?? { pid: process.pid, started: '' },
      startedAt: this.startedAt.toISOString(),
      postgres: {
        pid: this.postgres?.pid ?? null,
        port: this.plan.postgresPort,
        restarts: this.postgresRestarts.count,
        startedAt: this.postgres ? this.postgresSince.toISOString() : null,
      },
      databases: this.databases,
      processes: this.managed.map(({ spec: { name, kind, port }, url, process, restarts, startedAt }) => ({
        name,
        kind,
        port,
        url,
        process: process ?? null,
        restarts,
        startedAt: startedAt?.toISOString() ?? null,
      })),
    };
  }

  /**
   * A database's URL for the superuser, for what its own role may not do. No process gets it.
   * @throws Error before the platform has started.
   */
  adminUrl(database: string): string {
    if (!this.adminUrls) throw new Error('The platform has not been started');
    return this.adminUrls(database);
  }

  /** Stops everything in order. Further calls return the same promise. */
  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  /** Kills everything at once. Committed data is safe; unfinished work is redone after the next start. */
  async hurry(): Promise<void> {
    for (const one of this.managed) one.kill();
    await this.postgres?.stop(0);
  }

  private async stopAll(): Promise<void> {
    for (const kind of ['service', 'relay', 'outside'] as const) {
      const group = this.managed.filter(({ spec }) => spec.kind === kind);
      if (group.length > 0) this.log.note(`stopping ${group.map(({ spec }) => spec.name).join(', ')}`);
      await Promise.all(group.map((one) => one.stop(this.plan.graceMs)));
    }
    if (this.postgres) this.log.note('stopping postgres');
    await this.postgres?.stop(this.plan.graceMs);
    await this.writing;
    await this.home.removeState();
  }

  private async startPostgres(): Promise<EmbeddedPostgres> {
    const postgres = await EmbeddedPostgres.start({
      dataDir: this.home.postgresDir,
      port: this.plan.postgresPort,
      onLog: (line) => this.log.line('postgres', line),
    });
    this.postgresSince = new Date();
    const begin = performance.now();
    this.postgres = postgres;
    postgres.onExit(({ code, signal: killedBy }) => {
      if (this.stopping) return;
      this.postgres = undefined;
      this.keepState();
      void this.restartPostgres(`${killedBy ?? `exit code ${code}`}`, performance.now() - begin);
    });
    this.keepState();
    return postgres;
  }

  private async restartPostgres(how: string, livedMs: number): Promise<void> {
    for (let reason = how; !this.stopping; livedMs = 0) {
      const delay = this.postgresRestarts.next(livedMs);
      this.log.note(`postgres ended (${reason}); restarting in ${delay} ms`, 'warn');
      await sleep(delay);
      if (this.stopping) return;
      try {
        const postgres = await this.startPostgres();
        // stop() may have been called meanwhile and found no server.
        if (this.stopping) await postgres.stop(this.plan.graceMs);
        return;
      } catch (error) {
        reason = (error as Error).message;
      }
    }
  }

  private keepState(): void {
    const state = this.state();
    this.writing = this.writing
      .then(() => (this.stopping ? undefined : this.home.writeState(state)))
      .catch((error: unknown) => this.log.note((error as Error).message, 'warn'));
  }
}

/**
 * Stops the processes that a killed supervisor left behind. They notice that it is gone and stop by themselves; this
 * waits for them, and kills those that take too long.
 * @param graceMs how long each may take, milliseconds.
 */
export async function endRemains(home: Home, graceMs: number, note: (text: string) => void): Promise<void> {
  const state = await home.readState();
  const left = (state?.processes ?? []).flatMap(({ name, process }) =>
    process && isRunning(process) ? [{ name, process }] : [],
  );
  if (left.length > 0) {
    note(`stopping processes of an earlier run: ${left.map(({ name }) => name).join(', ')}`);
    await Promise.all(left.map(({ process }) => end(process, graceMs)));
  }
  await endOrphan(home.postgresDir);
  await home.removeState();
}

/** Sends SIGTERM, and SIGKILL after `graceMs`. Resolves when the process is gone. */
async function end(target: ProcessIdentity, graceMs: number): Promise<void> {
  signal(target, 'SIGTERM');
  for (const deadline = Date.now() + graceMs; isRunning(target); await sleep(50)) {
    if (Date.now() > deadline) signal(target, 'SIGKILL');
  }
}
