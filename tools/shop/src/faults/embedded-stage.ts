import { randomInt } from 'node:crypto';
import { chmod, cp, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deleteTopic, EmbeddedPostgres } from '@atlas/adapters/embedded';
import type { EventLogSettings } from '@atlas/adapters/event-log';
import { NODE_FLAGS } from '@atlas/cli/commands/up';
import type { Home } from '@atlas/cli/home';
import { fileWriter, Log } from '@atlas/cli/log';
import { ManagedProcess, type ProcessSpec } from '@atlas/cli/managed-process';
import { choosePorts, HOST } from '@atlas/cli/ports';
import { identify, type ProcessIdentity, signal } from '@atlas/cli/process-identity';
import { Supervisor } from '@atlas/cli/supervisor';
import {
  DATABASES,
  DEFAULT_PORTS,
  EVENT_LOG_DATABASE,
  GRACE_MS,
  KAFKA,
  POSTGRES,
  PROCESSES,
  processes,
  SERVICES,
} from '@atlas/cli/topology';
import { Disk, whyNoDisk } from './disk';
import { familyOf } from './family';
import { type Condition, Links } from './links';
import type { FaultKind } from './plan';
import { BROKER, CLIENT, DATABASE, linkOf, topologyWith } from './players';
import type { Stage } from './stage';

/** The embedded platform in a folder of its own, run by this process, with a proxy on every way between two. */
export class EmbeddedStage implements Stage {
  readonly stack = 'embedded';
  readonly topology = topologyWith();
  readonly urls: Readonly<Record<string, string>>;

  private constructor(
    private readonly home: Home,
    private readonly supervisor: Supervisor,
    private readonly links: Links,
    private readonly log: Log,
    private readonly specs: readonly ProcessSpec[],
    private readonly disk: Disk | undefined,
    clientPorts: ReadonlyMap<string, number>,
    private readonly unlock: () => Promise<void>,
  ) {
    this.urls = Object.fromEntries([...clientPorts].map(([name, port]) => [name, `http://${HOST}:${port}`]));
  }

  static async start(home: Home): Promise<EmbeddedStage> {
    await home.open();
    const unlock = await home.lock();
    const ports = await freePorts([...DEFAULT_PORTS.keys()].filter((name) => name !== KAFKA));
    const disk = whyNoDisk() ? undefined : await putOnDisk(home.postgresDir);
    await mkdir(clocksOf(home));

    const links = new Links();
    const undo = async () => {
      await links.close();
      await unlock();
      await disk?.unmount();
    };
    const open = (from: string, to: string, port: number) =>
      links.open({ host: HOST, port }, () => linkOf(from, to));
    const portOf = (name: string) => ports.get(name) ?? 0;
    const clientPorts = new Map<string, number>();
    for (const name of SERVICES) clientPorts.set(name, await open(CLIENT, name, portOf(name)));
    const own = new Map<string, Readonly<Record<string, number>>>();
    for (const { name, urls } of PROCESSES) {
      const others: Record<string, number> = {};
      for (const [setting, other] of Object.entries(urls))
        others[setting] = await open(name, other, portOf(other));
      own.set(name, {
        DATABASE_URL: await open(name, DATABASE, portOf(POSTGRES)),
        EVENT_LOG_URL: await open(name, BROKER, portOf(POSTGRES)),
        ...others,
      });
    }

    const log = new Log({ write: fileWriter(home.logFile), json: false, colour: false });
    const specs: ProcessSpec[] = [];
    const supervisor = new Supervisor(
      home,
      {
        postgresPort: portOf(POSTGRES),
        databases: DATABASES,
        processes: (databaseUrl) => {
          for (const spec of processes(ports, databaseUrl, {})) {
            specs.push({
              ...spec,
              env: {
                ...throughLinks(spec.env, own.get(spec.name) ?? {}),
                ATLAS_CLOCK_FILE: join(clocksOf(home), spec.name),
              },
            });
          }
          return specs;
        },
        nodeFlags: FLAGS,
        graceMs: GRACE_MS,
      },
      log,
    );
    await supervisor.start().catch(async (error: unknown) => {
      await undo();
      throw error;
    });
    return new EmbeddedStage(home, supervisor, links, log, specs, disk, clientPorts, unlock);
  }

  get impossible(): ReadonlyMap<FaultKind, string> {
    const noDisk = whyNoDisk();
    return new Map([
      [
        'broker-disk-full',
        'the event log is stored on the disk of the databases: database-disk-full fills both',
      ],
      ...(noDisk ? [['database-disk-full', noDisk] as const] : []),
    ]);
  }

  get eventLog(): EventLogSettings {
    return { EVENT_LOG_URL: this.urlOf(EVENT_LOG_DATABASE) };
  }

  async kill(name: string): Promise<void> {
    const identity = this.identityOf(name);
    if (identity) signal(identity, 'SIGKILL');
  }

  async stop(name: string): Promise<void> {
    this.signalAll(name, 'SIGSTOP');
  }

  async continue(name: string): Promise<void> {
    this.signalAll(name, 'SIGCONT');
  }

  async restart(name: string): Promise<void> {
    const identity = this.identityOf(name);
    // SIGINT: PostgreSQL ends its sessions instead of waiting for them.
    if (identity) signal(identity, name === POSTGRES ? 'SIGINT' : 'SIGTERM');
  }

  async replicate(service: string): Promise<(kill: boolean) => Promise<void>> {
    const spec = this.specs.find(({ name }) => name === service) as ProcessSpec;
    const port = (await freePorts([service])).get(service) ?? 0;
    const env = { ...spec.env, PORT: String(port) };
    const replica = new ManagedProcess({ ...spec, port, env }, this.log, FLAGS, () => {});
    replica.start();
    await replica.untilReady();
    return async (kill) => {
      if (kill) replica.kill();
      await replica.stop(GRACE_MS);
    };
  }

  async connect(names: readonly string[], condition: Condition): Promise<void> {
    this.links.set(names, condition);
  }

  async shiftClock(process: string, offsetMs: number): Promise<void> {
    await writeFile(join(clocksOf(this.home), process), String(offsetMs));
  }

  async fillDisk(): Promise<() => Promise<void>> {
    await this.disk?.fill();
    return async () => this.disk?.free();
  }

  deleteTopic(topic: string): Promise<void> {
    return deleteTopic(this.eventLog.EVENT_LOG_URL, topic);
  }

  adminUrl(database: string): string {
    return this.supervisor.adminUrl(database);
  }

  passwordOf(role: string): string {
    return new URL(this.urlOf(role)).password;
  }

  async close(keep: boolean): Promise<void> {
    await this.links.close();
    await this.supervisor.stop();
    await this.unlock();
    if (!this.disk) return;
    // A kept folder must be complete without the mount.
    if (keep) await cp(this.home.postgresDir, `${this.home.postgresDir}.kept`, COPY);
    await this.disk.unmount();
    if (keep) await rename(`${this.home.postgresDir}.kept`, this.home.postgresDir);
  }

  private urlOf(database: string): string {
    return this.supervisor.state().databases[database] ?? '';
  }

  private identityOf(name: string): ProcessIdentity | undefined {
    const { postgres, processes: others } = this.supervisor.state();
    if (name !== POSTGRES) return others.find((one) => one.name === name)?.process ?? undefined;
    return postgres.pid === null ? undefined : identify(postgres.pid);
  }

  /** PostgreSQL is many processes. */
  private signalAll(name: string, sent: NodeJS.Signals): void {
    const identity = this.identityOf(name);
    if (!identity) return;
    for (const pid of name === POSTGRES ? familyOf(identity.pid) : [identity.pid]) {
      const member = identify(pid);
      if (member) signal(member, sent);
    }
  }
}

const FLAGS = [...NODE_FLAGS, '--require', join(__dirname, 'clock.js')];
const COPY = { recursive: true, preserveTimestamps: true };

/**
 * Not the usual ports, and none that the system gives to outgoing connections: while a process is down, nobody else must
 * take its port.
 */
const freePorts = (names: readonly string[]): Promise<ReadonlyMap<string, number>> =>
  choosePorts(
    names.map((name) => ({ name, port: randomInt(10_000, 32_000), fixed: false, setBy: '' })),
    () => {},
  );

const clocksOf = (home: Home): string => join(home.path, 'clocks');

/**
 * Initialises PostgreSQL's folder and puts it on a disk of limited size, under the same name; its next start makes it its
 * owner's.
 */
async function putOnDisk(folder: string): Promise<Disk> {
  await (await EmbeddedPostgres.start({ dataDir: folder })).stop();
  const { mode } = await stat(folder);
  await rename(folder, `${folder}.moving`);
  const disk = await Disk.mount(folder);
  await cp(`${folder}.moving`, folder, COPY);
  await rm(`${folder}.moving`, { recursive: true });
  await chmod(folder, mode);
  return disk;
}

/** The settings with the ports of links. */
function throughLinks(
  env: Readonly<Record<string, string>>,
  ports: Readonly<Record<string, number>>,
): Record<string, string> {
  const settings = Object.entries(env).map(([setting, value]): [string, string] => {
    const port = ports[setting];
    return [setting, port === undefined ? value : value.replace(/(?<=:)\d+(?=\/|$)/, String(port))];
  });
  return Object.fromEntries(settings);
}
