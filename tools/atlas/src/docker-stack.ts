import { execFile, spawn } from 'node:child_process';
import { createHash, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type Container, parseContainers, parseMemory } from './container';
import type { Home } from './home';
import { CONTAINER_PORT, HOST } from './ports';
import { projectRoot } from './project-root';
import { UserError } from './user-error';

/** Creates the databases and exits; it is not a process of the platform. */
const DATABASES_JOB = 'databases';

/** If Docker doesn't respond in this time, Atlas assumes that there is none. */
const LIST_TIMEOUT_MS = 10_000;

/** The part of `docker inspect` that makes a container like another. */
const replicable = z.object({
  Config: z.object({
    Image: z.string(),
    Cmd: z.array(z.string()),
    Env: z.array(z.string()),
    Labels: z.record(z.string(), z.string()),
  }),
  HostConfig: z.object({ Binds: z.array(z.string()).nullable() }),
  NetworkSettings: z.object({ Networks: z.record(z.string(), z.unknown()) }),
});

const exec = promisify(execFile);
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** The platform in containers: the compose project of a data folder. Docker holds all its state. */
export class DockerStack {
  /** For the default folder the name in compose.yaml, which a plain `docker compose up` takes. */
  readonly project: string;

  /** @param overrides compose files that change the platform's own. */
  constructor(
    home: Home,
    private readonly overrides: readonly string[] = [],
  ) {
    const isDefault = home.path === join(projectRoot(), '.atlas');
    const hash = createHash('sha256').update(home.path).digest('hex').slice(0, 8);
    const compose = readFileSync(join(projectRoot(), 'compose.yaml'), 'utf8');
    const name = /^name: (\S+)$/m.exec(compose)?.[1] ?? 'atlas';
    this.project = isDefault ? name : `${name}-${hash}`;
  }

  /** All containers, running or not; an empty list if Docker is not available. */
  async containers(): Promise<readonly Container[]> {
    let ids: string;
    try {
      const args = ['ps', '--all', '--quiet', '--no-trunc', '--filter', this.label];
      ids = (await exec('docker', args, { timeout: LIST_TIMEOUT_MS })).stdout;
    } catch {
      return [];
    }
    if (ids.trim() === '') return [];
    return parseContainers(await this.docker('inspect', ...ids.trim().split('\n')))
      .filter(({ service }) => service !== DATABASES_JOB)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws UserError if the platform runs in containers. */
  async refuseIfRunning(): Promise<void> {
    if (!(await this.containers()).some(({ running }) => running)) return;
    throw new UserError(
      `Atlas already runs as the compose project "${this.project}": use it, or stop it with "npx atlas down"`,
    );
  }

  /** @throws UserError if Docker or its compose plugin is not available. */
  async require(): Promise<void> {
    try {
      await this.docker('info', '--format', '{{.ServerVersion}}');
      await this.docker('compose', 'version');
    } catch (error) {
      const { code, stderr = '' } = error as { code?: string | number; stderr?: string };
      throw new UserError(
        code === 'ENOENT'
          ? 'The docker command was not found: install Docker, or run without "--stack docker"'
          : `Docker is not available (${stderr.trim().split('\n').at(-1)}): start it, or run without "--stack docker"`,
      );
    }
  }

  /** Builds the image. Docker's output goes to stderr, here and below. */
  async build(): Promise<void> {
    if ((await this.compose(['build'])) !== 0)
      throw new UserError('"docker compose build" failed, see above');
  }

  /**
   * Starts all containers from the existing image. If one fails to start, all are removed.
   * @param env settings for the compose file.
   */
  async up(env: Readonly<Record<string, string>>): Promise<void> {
    if ((await this.compose(['up', '--no-build', '--detach', '--remove-orphans'], env)) === 0) return;
    await this.compose(['logs', '--no-color', '--tail', '10']);
    await this.takeDown();
    throw new UserError(
      '"docker compose up" failed: see the error and the last log lines of each container above',
    );
  }

  /** Stops and removes the containers, and keeps their data. */
  async down(): Promise<void> {
    await this.takeDown();
  }

  /** Removes the containers, their data and the image. */
  async erase(): Promise<void> {
    await this.takeDown('--volumes');
    if (!process.env['ATLAS_IMAGE']) await this.docker('rmi', this.project).catch(() => undefined);
  }

  /** Whether there is data for {@link erase} to remove. */
  async hasVolumes(): Promise<boolean> {
    const list = await this.docker('volume', 'ls', '--quiet', '--filter', this.label).catch(() => '');
    return list.trim() !== '';
  }

  /** Passes each new log line of a container to `take`, until the signal aborts. */
  async follow(take: (service: string, line: string) => void, signal: AbortSignal): Promise<void> {
    const child = spawn('docker', [...this.composeArgs, 'logs', '--follow', '--tail', '0', '--no-color'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      // Ctrl-C must reach only the parent.
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

  /** Kills a container with SIGKILL. @returns whether it was running. */
  async kill(id: string): Promise<boolean> {
    return this.docker('kill', '--signal', 'KILL', id).then(
      () => true,
      () => false,
    );
  }

  /** Starts a killed container: Docker restarts only containers that exit by themselves. */
  async start(id: string): Promise<void> {
    await this.docker('start', id);
  }

  /** Suspends all its processes; {@link unpause} resumes them. */
  async pause(id: string): Promise<void> {
    await this.docker('pause', id);
  }

  async unpause(id: string): Promise<void> {
    await this.docker('unpause', id);
  }

  /** Stops it in its grace period, and starts it again. */
  async restart(id: string): Promise<void> {
    await this.docker('restart', id);
  }

  /** Runs a program in a container. @throws Error with its output if its exit code is not 0. */
  async exec(id: string, ...command: readonly string[]): Promise<string> {
    return this.docker('exec', id, ...command);
  }

  /**
   * Starts a further container like this one: image, command and environment, in the same network, with the same files.
   * It belongs to no service: {@link containers} doesn't list it.
   * @returns its id, and the port on the host under which it is found.
   */
  async replicate(id: string): Promise<{ readonly id: string; readonly port: number }> {
    const [like] = z.array(replicable).parse(JSON.parse(await this.docker('inspect', id)));
    if (!like) throw new Error(`There is no container ${id}`);
    const { Config, HostConfig, NetworkSettings } = like;
    const replica = await this.docker(
      ...['run', '--detach', '--read-only', '--tmpfs', '/tmp', '--publish', `${HOST}::${CONTAINER_PORT}`],
      ...['--name', `${this.project}-${Config.Labels['com.docker.compose.service']}-${randomInt(100, 1e6)}`],
      ...Config.Env.flatMap((line) => ['--env', line]),
      ...(HostConfig.Binds ?? []).flatMap((bind) => ['--volume', bind]),
      ...Object.keys(NetworkSettings.Networks).flatMap((network) => ['--network', network]),
      Config.Image,
      ...Config.Cmd,
    );
    const port = (await this.docker('port', replica.trim(), String(CONTAINER_PORT)))
      .split('\n')[0]
      ?.split(':')
      .at(-1);
    return { id: replica.trim(), port: Number(port) };
  }

  /** Kills a container that {@link replicate} started, or ends it in order, and removes it. */
  async removeReplica(id: string, kill: boolean): Promise<void> {
    if (!kill) await this.docker('stop', '--time', '15', id);
    await this.docker('rm', '--force', id);
  }

  /** Memory of each running container in bytes, by its short id. */
  async memory(): Promise<ReadonlyMap<string, number>> {
    return parseMemory(await this.docker('stats', '--no-stream', '--format', '{{.ID}} {{.MemUsage}}'));
  }

  private async takeDown(...options: readonly string[]): Promise<void> {
    // Includes all profiles: a leftover container would keep the network in use.
    if ((await this.compose(['--profile', '*', 'down', '--remove-orphans', ...options])) !== 0) {
      throw new UserError('"docker compose down" failed, see above');
    }
  }

  private get label(): string {
    return `label=com.docker.compose.project=${this.project}`;
  }

  private get composeArgs(): readonly string[] {
    const files = [join(projectRoot(), 'compose.yaml'), ...this.overrides];
    return ['compose', '--project-name', this.project, ...files.flatMap((file) => ['--file', file])];
  }

  private async docker(...args: readonly string[]): Promise<string> {
    return (await exec('docker', args, { maxBuffer: MAX_OUTPUT_BYTES })).stdout;
  }

  private async compose(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<number | null> {
    const child = spawn('docker', [...this.composeArgs, '--progress', 'plain', ...args], {
      // stdout is reserved for results.
      stdio: ['ignore', 2, 2],
      env: { ...process.env, ...env },
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return code;
  }
}
