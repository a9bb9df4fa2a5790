import { chown, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventLogSettings } from '@atlas/adapters/event-log';
import { settingsOf, untilReady } from '@atlas/cli/commands/up-docker';
import type { Container } from '@atlas/cli/container';
import { DockerStack } from '@atlas/cli/docker-stack';
import { isReady } from '@atlas/cli/health';
import type { Home } from '@atlas/cli/home';
import { Log } from '@atlas/cli/log';
import { connect } from '@atlas/cli/platform';
import { CONTAINER_PORT, HOST } from '@atlas/cli/ports';
import { DEFAULT_PORTS, KAFKA, POSTGRES, PROCESSES, SERVICES } from '@atlas/cli/topology';
import { Disk, whyNoDisk } from './disk';
import { type Condition, CONTROL_PORT, Links, LinksClient } from './links';
import { persist } from './persist';
import type { FaultKind } from './plan';
import { BROKER, CLIENT, DATABASE, linkOf, topologyWith } from './players';
import type { Stage } from './stage';

const LINKS = 'links';
const ENGINES = 'engines';
/** Where the containers find the programs and clocks of the campaign. */
const MOUNT = '/faults';
/** Where the links to processes listen, from this port on. */
const FIRST_LINK_PORT = 7_001;
/** A restart takes time in production, too. */
const DOWN_MS = 500;
/** The user that Kafka runs as in its image. */
const KAFKA_USER = 1_000;

/**
 * The docker stack as a project of its own. PostgreSQL and Kafka are in a network apart, and a container stands for
 * them under their names, which is every link between two; the disks of both are of limited size.
 */
export class DockerStage implements Stage {
  readonly stack = 'docker';
  readonly topology = topologyWith(KAFKA);

  private constructor(
    private readonly home: Home,
    private readonly stackOf: DockerStack,
    private readonly containers: ReadonlyMap<string, Container>,
    private readonly disks: ReadonlyMap<string, Disk>,
    private readonly clientLinks: Links,
    private readonly links: LinksClient,
    readonly urls: Readonly<Record<string, string>>,
    readonly eventLog: EventLogSettings,
  ) {}

  static async start(home: Home): Promise<DockerStage> {
    await home.open();
    const folder = folderOf(home);
    await mkdir(join(folder, 'clocks'), { recursive: true });
    for (const program of ['links.js', 'clock.js']) {
      await copyFile(join(__dirname, program), join(folder, program));
    }
    const disks = new Map<string, Disk>();
    if (!whyNoDisk()) {
      for (const engine of [POSTGRES, KAFKA]) disks.set(engine, await makeDisk(home, engine));
    }
    const override = join(home.path, 'compose.faults.json');
    const stack = new DockerStack(home, [override]);
    await writeFile(override, JSON.stringify(composeOverride(stack.project, folder, disks), undefined, 2));
    const log = new Log({ write: (text) => void process.stderr.write(text), json: false, colour: false });
    try {
      await stack.require();
      await stack.build();
      const ports = [...DEFAULT_PORTS].map(([name, port]) => ({ name, port, fixed: false, setBy: '' }));
      await stack.up(await settingsOf({ ports }, log));
      await untilReady(stack, new AbortController().signal);
      const containers = new Map((await stack.containers()).map((each) => [each.name, each]));
      const { urls, eventLog } = await connect(home);
      const clientLinks = new Links();
      const clientUrls: Record<string, string> = {};
      for (const name of SERVICES) {
        const { hostname: host, port } = new URL(urls[name] ?? '');
        const own = await clientLinks.open({ host, port: Number(port) }, () => linkOf(CLIENT, name));
        clientUrls[name] = `http://${HOST}:${own}`;
      }
      const control = new LinksClient(`http://${HOST}:${containers.get(LINKS)?.port}`);
      return new DockerStage(home, stack, containers, disks, clientLinks, control, clientUrls, eventLog);
    } catch (error) {
      await stack.erase().catch(() => {});
      for (const disk of disks.values()) await disk.unmount();
      throw error;
    }
  }

  get impossible(): ReadonlyMap<FaultKind, string> {
    const noDisk = whyNoDisk();
    return new Map(
      noDisk ? (['broker-disk-full', 'database-disk-full'] as const).map((kind) => [kind, noDisk]) : [],
    );
  }

  async kill(name: string): Promise<void> {
    const id = this.idOf(name);
    if (!(await this.stackOf.kill(id))) return;
    await sleep(DOWN_MS);
    await persist(() => this.stackOf.start(id));
  }

  stop(name: string): Promise<void> {
    return this.stackOf.pause(this.idOf(name));
  }

  continue(name: string): Promise<void> {
    return this.stackOf.unpause(this.idOf(name));
  }

  restart(name: string): Promise<void> {
    return this.stackOf.restart(this.idOf(name));
  }

  async replicate(service: string): Promise<(kill: boolean) => Promise<void>> {
    const { id, port } = await this.stackOf.replicate(this.idOf(service));
    await persist(async () => {
      if (!(await isReady(`http://${HOST}:${port}`))) throw new Error(`A further ${service} is not ready`);
    });
    return (kill) => this.stackOf.removeReplica(id, kill);
  }

  async connect(names: readonly string[], condition: Condition): Promise<void> {
    const isOfClient = (name: string) => name.startsWith(linkOf(CLIENT, ''));
    this.clientLinks.set(names.filter(isOfClient), condition);
    const others = names.filter((name) => !isOfClient(name));
    if (others.length > 0) await this.links.set(others, condition);
  }

  async shiftClock(process: string, offsetMs: number): Promise<void> {
    await writeFile(join(folderOf(this.home), 'clocks', process), String(offsetMs));
  }

  async fillDisk(of: typeof DATABASE | typeof BROKER): Promise<() => Promise<void>> {
    const disk = this.disks.get(of === DATABASE ? POSTGRES : KAFKA);
    await disk?.fill();
    return async () => disk?.free();
  }

  async deleteTopic(topic: string): Promise<void> {
    const name = `${this.eventLog.KAFKA_PREFIX ?? ''}${topic}`;
    const script = '/opt/kafka/bin/kafka-topics.sh';
    const id = this.idOf(KAFKA);
    await this.stackOf.exec(id, script, '--bootstrap-server', 'localhost:9092', '--delete', '--topic', name);
  }

  adminUrl(database: string): string {
    const { port } = this.containers.get(POSTGRES) as Container;
    const password = this.containers.get(POSTGRES)?.env.get('POSTGRES_PASSWORD') ?? '';
    return `postgres://postgres:${password}@${HOST}:${port}/${database}`;
  }

  passwordOf(role: string): string {
    const urls = [...this.containers.values()].map(({ env }) => URL.parse(env.get('DATABASE_URL') ?? ''));
    return urls.find((url) => url?.username === role)?.password ?? '';
  }

  async close(keep: boolean): Promise<void> {
    await this.clientLinks.close();
    // What is kept needs the disks: they stay mounted.
    if (keep) return this.stackOf.down();
    await this.stackOf.erase();
    for (const disk of this.disks.values()) await disk.unmount();
  }

  private idOf(name: string): string {
    const container = this.containers.get(name);
    if (!container) throw new Error(`There is no container of ${name}`);
    return container.id;
  }
}

const folderOf = (home: Home): string => join(home.path, 'faults');

async function makeDisk(home: Home, engine: string): Promise<Disk> {
  const path = join(home.path, 'disks', engine);
  await mkdir(path, { recursive: true });
  const disk = await Disk.mount(path);
  // PostgreSQL's image takes possession of its folder by itself.
  const data = join(path, 'data');
  await mkdir(data);
  if (engine === KAFKA) await chown(data, KAFKA_USER, KAFKA_USER);
  return disk;
}

/** What to change in compose.yaml, as a compose file. */
function composeOverride(project: string, folder: string, disks: ReadonlyMap<string, Disk>): object {
  const files = [`${folder}:${MOUNT}:ro`];
  const others = PROCESSES.flatMap(({ name, urls }) =>
    Object.entries(urls).map(([setting, other]) => ({ name, setting, other })),
  ).map((each, index) => ({ ...each, port: FIRST_LINK_PORT + index }));
  const processes = PROCESSES.map(({ name }): [string, object] => [
    name,
    {
      environment: {
        NODE_OPTIONS: `--enable-source-maps --max-old-space-size=256 --max-semi-space-size=8 --require ${MOUNT}/clock.js`,
        ATLAS_CLOCK_FILE: `${MOUNT}/clocks/${name}`,
        ...Object.fromEntries(
          others
            .filter((each) => each.name === name)
            .map(({ setting, port }) => [setting, `http://${LINKS}:${port}`]),
        ),
      },
      volumes: files,
      depends_on: { [LINKS]: { condition: 'service_healthy' } },
    },
  ]);
  const engine = (name: string, dataFolder: string) => {
    const disk = disks.get(name);
    return {
      networks: { [ENGINES]: { aliases: [`${name}.engine`] } },
      ...(disk && { volumes: [`${join(disk.folder, 'data')}:${dataFolder}`] }),
    };
  };
  return {
    services: {
      ...Object.fromEntries(processes),
      databases: { depends_on: { [LINKS]: { condition: 'service_healthy' } } },
      [POSTGRES]: engine(POSTGRES, '/var/lib/postgresql/data'),
      [KAFKA]: engine(KAFKA, '/var/lib/kafka/data'),
      [LINKS]: {
        image: '${ATLAS_IMAGE:-${COMPOSE_PROJECT_NAME:-atlas}}',
        pull_policy: 'never',
        entrypoint: ['node', `${MOUNT}/links.js`, project],
        command: [
          `5432=${POSTGRES}.engine:5432#${DATABASE}`,
          `9092=${KAFKA}.engine:9092#${BROKER}`,
          ...others.map(({ other, port }) => `${port}=${other}:${CONTAINER_PORT}#${other}`),
        ],
        networks: { default: { aliases: [POSTGRES, KAFKA] }, [ENGINES]: {} },
        ports: [`${HOST}::${CONTROL_PORT}`],
        volumes: files,
        mem_limit: '256m',
        healthcheck: {
          test: [
            'CMD',
            'node',
            '-e',
            `fetch('http://127.0.0.1:${CONTROL_PORT}').catch(() => process.exit(1))`,
          ],
          interval: '2s',
          timeout: '5s',
          retries: 30,
        },
      },
    },
    networks: { [ENGINES]: {} },
  };
}
