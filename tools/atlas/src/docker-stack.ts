import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type Home, projectRoot } from './home';
import { UserError } from './user-error';

const inspected = z.array(
  z.object({
    Id: z.string(),
    Name: z.string(),
    RestartCount: z.int(),
    State: z.object({
      Running: z.boolean(),
      Pid: z.int(),
      StartedAt: z.string(),
      Health: z.object({ Status: z.string() }).optional(),
    }),
    Config: z.object({ Env: z.array(z.string()), Labels: z.record(z.string(), z.string()) }),
    HostConfig: z.object({
      PortBindings: z.record(z.string(), z.array(z.object({ HostPort: z.string() })).nullable()).nullable(),
    }),
    NetworkSettings: z.object({
      Ports: z.record(z.string(), z.array(z.object({ HostPort: z.string() })).nullable()),
    }),
  }),
);

/** A container of the platform. */
export interface Container {
  readonly id: string;
  /** The service of the compose file, such as `orders-relay`. */
  readonly service: string;
  /** The service, with a number if there are several of it. */
  readonly name: string;
  readonly running: boolean;
  readonly pid: number;
  /** By Docker itself, after it had ended. */
  readonly restarts: number;
  readonly startedAt: Date;
  /** What its health check says; undefined while it says nothing. */
  readonly health: string | undefined;
  readonly env: ReadonlyMap<string, string>;
  /** On the host; undefined while it has none. */
  readonly port: number | undefined;
}

/** Makes the databases and ends: no process of the platform. */
const DATABASES_JOB = 'databases';

/** After that a Docker that doesn't answer counts as none. */
const LIST_TIMEOUT_MS = 10_000;

const exec = promisify(execFile);
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** The platform in containers: the compose project that belongs to a data folder. All its state is Docker's. */
export class DockerStack {
  /** `atlas` for the usual folder, so that it is the one of a plain `docker compose up`. */
  readonly project: string;

  constructor(home: Home) {
    const isUsual = home.path === join(projectRoot(), '.atlas');
    const hash = createHash('sha256').update(home.path).digest('hex').slice(0, 8);
    this.project = isUsual ? 'atlas' : `atlas-${hash}`;
  }

  /** Those that there are, running or not; none where there is no Docker. */
  async containers(): Promise<readonly Container[]> {
    let ids: string;
    try {
      const args = ['ps', '--all', '--quiet', '--no-trunc', '--filter', this.label];
      ids = (await exec('docker', args, { timeout: LIST_TIMEOUT_MS })).stdout;
    } catch {
      return [];
    }
    if (ids.trim() === '') return [];
    const found = inspected.parse(JSON.parse(await this.docker('inspect', ...ids.trim().split('\n'))));
    return found
      .map((each) => toContainer(each))
      .filter(({ service }) => service !== DATABASES_JOB)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws UserError if the platform runs in containers. */
  async refuseIfRunning(): Promise<void> {
    if (!(await this.containers()).some(({ running }) => running)) return;
    throw new UserError(
      `Atlas already runs as the compose project "${this.project}": use that one, or stop it with "npx atlas down"`,
    );
  }

  /** @throws UserError if Docker, or its compose plugin, can't be used. */
  async require(): Promise<void> {
    try {
      await this.docker('info', '--format', '{{.ServerVersion}}');
      await this.docker('compose', 'version');
    } catch (error) {
      const { code, stderr = '' } = error as { code?: string | number; stderr?: string };
      throw new UserError(
        code === 'ENOENT'
          ? 'The docker command is not there: install Docker, or leave "--stack docker" out'
          : `Docker can't be used (${stderr.trim().split('\n').at(-1)}): start it, or leave "--stack docker" out`,
      );
    }
  }

  /** Builds the image; what Docker says about it goes to stderr, here and below. */
  async build(): Promise<void> {
    if ((await this.compose(['build'])) !== 0)
      throw new UserError('"docker compose build" failed, see above');
  }

  /**
   * Starts every container, of the image as it is; removes them again if one can't start.
   * @param env the settings of the compose file.
   */
  async up(env: Readonly<Record<string, string>>): Promise<void> {
    if ((await this.compose(['up', '--no-build', '--detach', '--remove-orphans'], env)) === 0) return;
    await this.compose(['logs', '--no-color', '--tail', '10']);
    await this.takeDown();
    throw new UserError(
      '"docker compose up" failed, see above for why and for the last words of each container',
    );
  }

  /** Stops and removes the containers; what they have written stays. */
  async down(): Promise<void> {
    await this.takeDown();
  }

  /** Removes their data and the image, too. */
  async erase(): Promise<void> {
    await this.takeDown('--volumes');
    if (!process.env['ATLAS_IMAGE']) await this.docker('rmi', this.project).catch(() => undefined);
  }

  /** Whether there are data that {@link erase} would remove. */
  async hasVolumes(): Promise<boolean> {
    const list = await this.docker('volume', 'ls', '--quiet', '--filter', this.label).catch(() => '');
    return list.trim() !== '';
  }

  /** Gives each line that a container writes from now on to `take`, until the signal. */
  async follow(take: (service: string, line: string) => void, signal: AbortSignal): Promise<void> {
    const child = spawn('docker', [...this.composeArgs, 'logs', '--follow', '--tail', '0', '--no-color'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      // Ctrl-C is for the one who started it.
      detached: true,
    });
    signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
    let rest = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const [, source = '', text = ''] = /^(\S+?)(?:-\d+)?\s+\| ?(.*)$/.exec(line) ?? [];
        take(source, text);
      }
    });
    await once(child, 'close');
  }

  /** SIGKILL, as if its machine had lost power. @returns whether it was running. */
  async kill(id: string): Promise<boolean> {
    return this.docker('kill', '--signal', 'KILL', id).then(
      () => true,
      () => false,
    );
  }

  /** Docker restarts what ends by itself, and not what was killed by hand. */
  async start(id: string): Promise<void> {
    await this.docker('start', id);
  }

  /** What each running container takes of memory, bytes, by the id that it begins with. */
  async memory(): Promise<ReadonlyMap<string, number>> {
    const lines = await this.docker('stats', '--no-stream', '--format', '{{.ID}} {{.MemUsage}}');
    return new Map(
      lines.split('\n').flatMap((line) => {
        const [, id, amount, unit] = /^(\S+) ([\d.]+)([KMGT]?i?B)/.exec(line) ?? [];
        return id && amount && unit ? [[id, Number(amount) * (UNITS[unit] ?? 1)] as const] : [];
      }),
    );
  }

  private async takeDown(...options: readonly string[]): Promise<void> {
    // Of every profile: what is left on would hold the network.
    if ((await this.compose(['--profile', '*', 'down', '--remove-orphans', ...options])) !== 0) {
      throw new UserError('"docker compose down" failed, see above');
    }
  }

  private get label(): string {
    return `label=com.docker.compose.project=${this.project}`;
  }

  private get composeArgs(): readonly string[] {
    return ['compose', '--project-name', this.project, '--file', join(projectRoot(), 'compose.yaml')];
  }

  private async docker(...args: readonly string[]): Promise<string> {
    return (await exec('docker', args, { maxBuffer: MAX_OUTPUT_BYTES })).stdout;
  }

  private async compose(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<number | null> {
    const child = spawn('docker', [...this.composeArgs, '--progress', 'plain', ...args], {
      // stdout is for results.
      stdio: ['ignore', 2, 2],
      env: { ...process.env, ...env },
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return code;
  }
}

function toContainer(found: z.infer<typeof inspected>[number]): Container {
  const { Id: id, Name, RestartCount, State, Config, HostConfig, NetworkSettings } = found;
  const labels = Config.Labels;
  const service = labels['com.docker.compose.service'] ?? Name;
  const number = labels['com.docker.compose.container-number'] ?? '1';
  const published = [NetworkSettings.Ports, HostConfig.PortBindings ?? {}]
    .flatMap((ports) => Object.values(ports))
    .flatMap((bindings) => bindings ?? [])
    .map(({ HostPort }) => Number(HostPort))
    .find((port) => port > 0);
  return {
    id,
    service,
    name: number === '1' ? service : `${service}-${number}`,
    running: State.Running,
    pid: State.Pid,
    restarts: RestartCount,
    startedAt: new Date(State.StartedAt),
    health: State.Health?.Status,
    env: new Map(
      Config.Env.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    ),
    port: published,
  };
}

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
};
