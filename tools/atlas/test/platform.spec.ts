import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { eventually } from '@atlas/testing';
import { type PlatformState, projectRoot } from '../src/home';
import { identify, isRunning, type ProcessIdentity } from '../src/process-identity';

let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'atlas-platform-'));
  await chmod(home, 0o755);
});

afterAll(async () => {
  await atlas('down');
  await rm(home, { recursive: true, force: true });
});

/** The command as a user runs it. */
async function atlas(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [join(projectRoot(), 'tools/atlas.mjs'), ...args], {
    cwd: projectRoot(),
    env: { ...process.env, ATLAS_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number]>,
  ]);
  return { code, stdout, stderr };
}

interface Status {
  running: boolean;
  ready: boolean;
  processes: { name: string; pid: number; ready: boolean; restarts: number; memory: { rssBytes: number } }[];
}

async function status(): Promise<Status> {
  return JSON.parse((await atlas('status', '--json')).stdout) as Status;
}

describe('The atlas command', () => {
  it.each(['start', 'up', 'down', 'status', 'reset', 'demo', 'replay', 'audit', 'chaos'])(
    'explains %s',
    async (verb) => {
      const { code, stdout } = await atlas(verb, '--help');

      expect(code).toBe(0);
      expect(stdout).toContain(`Usage: atlas ${verb}`);
      expect(stdout).toContain('--json');
    },
  );

  it.each([['status'], ['demo'], ['audit']])('says of %s that nothing runs, and what to do', async (verb) => {
    const { code, stderr } = await atlas(verb);

    expect(code).toBe(1);
    expect(stderr).toBe(`atlas: No platform runs in ${home}: run "npm start" or "npx atlas up" first\n`);
  });

  it('refuses a port that is none', async () => {
    const { code, stderr } = await atlas('up', '--orders-port', '70000');

    expect(code).toBe(1);
    expect(stderr).toContain('It must be a port, 1 to 65535.');
  });
});

describe('The platform, started and left running', () => {
  let started: PlatformState;

  beforeAll(async () => {
    const { code, stdout, stderr } = await atlas('up', '--detach', '--json');
    if (code !== 0) throw new Error(stderr);
    started = JSON.parse(stdout) as PlatformState;
  }, 120_000);

  const identities = (): ProcessIdentity[] => [
    started.supervisor,
    ...started.processes.flatMap(({ process }) => process ?? []),
    ...[identify(started.postgres.pid as number)].flatMap((one) => one ?? []),
  ];

  it('is ready, each part of it a process of its own', async () => {
    const { ready, processes } = await status();

    expect(ready).toBe(true);
    expect(processes.map(({ name }) => name)).toEqual([
      'atlas',
      'postgres',
      'orders',
      'orders-relay',
      'inventory',
      'inventory-relay',
      'payments',
      'payments-relay',
    ]);
    expect(new Set(processes.map(({ pid }) => pid)).size).toBe(8);
    expect(processes.every(({ memory }) => memory.rssBytes > 0)).toBe(true);
  });

  it('takes orders to the end that each must have', async () => {
    const { code, stdout } = await atlas('demo', '--json');

    expect(JSON.parse(stdout)).toMatchObject({ ok: true });
    expect(code).toBe(0);
  });

  it('can not be started a second time', async () => {
    const { code, stderr } = await atlas('up');

    expect(code).toBe(1);
    expect(stderr).toContain(
      `Atlas already runs in ${home} (pid ${started.supervisor.pid}; orders at http://`,
    );
  });

  it('can not be thrown away while it runs', async () => {
    const { code, stderr } = await atlas('reset', '--yes');

    expect(code).toBe(1);
    expect(stderr).toContain('stop it with "npx atlas down" first');
  });

  it('is whole again after its database and a service were killed', async () => {
    const victims = started.processes.filter(({ name }) => name === 'inventory');
    process.kill(started.postgres.pid as number, 'SIGKILL');
    for (const { process: victim } of victims) process.kill((victim as ProcessIdentity).pid, 'SIGKILL');

    const { processes } = await eventually(async () => {
      const now = await status();
      return now.ready && now.processes.some(({ restarts }) => restarts > 0) ? now : undefined;
    });
    expect(processes.filter(({ restarts }) => restarts > 0).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['postgres', 'inventory']),
    );
    expect((await atlas('demo')).code).toBe(0);
  });

  it('leaves nothing running when it is stopped, and throws its data away when told to', async () => {
    const running = identities();
    const { code } = await atlas('down');

    expect(code).toBe(0);
    expect(running.filter(isRunning)).toEqual([]);
    expect(await status()).toMatchObject({ running: false, ready: false });
    expect((await atlas('reset', '--yes')).code).toBe(0);
    expect((await atlas('down')).stdout).toBe(`No platform runs in ${home}.\n`);
  });
});
