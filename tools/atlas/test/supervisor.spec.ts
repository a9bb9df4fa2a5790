import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@atlas/testing';
import { Client } from 'pg';
import { Home } from '../src/home';
import { projectRoot } from '../src/project-root';
import { Log } from '../src/log';
import type { ProcessSpec } from '../src/managed-process';
import { identify, isRunning, type ProcessIdentity } from '../src/process-identity';
import { endRemains, type Plan, Supervisor } from '../src/supervisor';

let home: Home;
let journalFile: string;
let lines: string[];
let running: Supervisor[];

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atlas-supervisor-'));
  await chmod(folder, 0o755);
  home = new Home(folder);
  await home.open();
  journalFile = join(folder, 'journal');
  await writeFile(journalFile, '', { mode: 0o666 });
  lines = [];
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((supervisor) => supervisor.stop()));
  await rm(home.path, { recursive: true, force: true });
});

const journal = async () => (await readFile(journalFile, 'utf8')).split('\n').filter(Boolean);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function planOf(behaviours: Readonly<Record<string, string>> = {}): Promise<Plan> {
  const ports = await Promise.all(Array.from({ length: 4 }, freePort));
  const spec = (name: string, kind: ProcessSpec['kind'], port: number, url: string): ProcessSpec => ({
    name,
    kind,
    script: join(__dirname, 'process.cjs'),
    port,
    env: {
      NAME: name,
      PORT: String(port),
      JOURNAL: journalFile,
      BEHAVIOUR: behaviours[name] ?? '',
      DATABASE_URL: url,
    },
  });
  const [postgres, lending, fines, relay] = ports as [number, number, number, number];
  return {
    postgresPort: postgres,
    databases: ['lending', 'fines'],
    processes: (urlOf) => [
      spec('lending', 'service', lending, urlOf('lending')),
      spec('fines', 'service', fines, urlOf('fines')),
      spec('lending-relay', 'relay', relay, urlOf('lending')),
    ],
    nodeFlags: [],
    graceMs: 3_000,
  };
}

async function start(plan: Plan): Promise<Supervisor> {
  const log = new Log({ write: (text) => lines.push(text), json: false, colour: false });
  const supervisor = new Supervisor(home, plan, log);
  running.push(supervisor);
  await supervisor.start();
  return supervisor;
}

function processOf(supervisor: Supervisor, name: string): ProcessIdentity {
  const found = supervisor.state().processes.find((one) => one.name === name)?.process;
  if (!found) throw new Error(`${name} does not run`);
  return found;
}

async function query(url: string | undefined, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end();
  }
}

it('Everything is ready after the start, each process with its own database, and the state file says so', async () => {
  const supervisor = await start(await planOf());

  const state = await eventually(() => home.readState());
  expect(state).toEqual(JSON.parse(JSON.stringify(supervisor.state())));
  expect(state.processes.map(({ name, restarts }) => [name, restarts])).toEqual([
    ['lending', 0],
    ['fines', 0],
    ['lending-relay', 0],
  ]);
  const fines = state.processes.find(({ name }) => name === 'fines');
  const told = (await (await fetch(`${fines?.url}/environment`)).json()) as { DATABASE_URL: string };
  expect(told.DATABASE_URL).toBe(state.databases['fines']);
  expect(await query(told.DATABASE_URL, 'SELECT current_database() AS name')).toEqual([{ name: 'fines' }]);
});

it('A process that is killed is started again, and the log and the state tell of it', async () => {
  const supervisor = await start(await planOf());
  const before = processOf(supervisor, 'lending');
  process.kill(before.pid, 'SIGKILL');

  const after = await eventually(async () => {
    const lending = (await home.readState())?.processes.find(({ name }) => name === 'lending');
    return lending?.process && lending.process.pid !== before.pid ? lending : undefined;
  });

  expect(after.restarts).toBe(1);
  await eventually(async () => (await fetch(after.url)).ok);
  expect(lines.join('')).toContain('lending ended (SIGKILL); restarting in 100 ms');
});

it('A database that is killed is started again in its place, with what was committed', async () => {
  const supervisor = await start(await planOf());
  const { databases, postgres } = supervisor.state();
  await query(databases['lending'], 'CREATE TABLE kept AS SELECT 1 AS n');
  process.kill(postgres.pid as number, 'SIGKILL');

  expect(await eventually(() => query(databases['lending'], 'SELECT n FROM kept'))).toEqual([{ n: 1 }]);
  await eventually(async () => (await home.readState())?.postgres.restarts === 1);
});

it('Everything is stopped in order: services, relays, the database', async () => {
  const supervisor = await start(await planOf());
  const { postgres } = supervisor.state();
  await supervisor.stop();

  const stops = (await journal()).filter((line) => line.endsWith('stopped'));
  expect(stops.slice(0, 2).sort()).toEqual(['fines stopped', 'lending stopped']);
  expect(stops.slice(2)).toEqual(['lending-relay stopped']);
  expect(identify(postgres.pid as number)).toBeUndefined();
  expect(await home.readState()).toBeUndefined();
  expect(lines.join('')).toContain('database system is shut down');
});

it('A hurried stop ends even what ignores the order to stop', async () => {
  const supervisor = await start(await planOf({ fines: 'stubborn' }));
  const stubborn = processOf(supervisor, 'fines');
  const stopped = supervisor.stop();
  await eventually(async () => (await journal()).includes('fines ignores SIGTERM'));
  expect(isRunning(stubborn)).toBe(true);

  await supervisor.hurry();

  await stopped;
  expect(isRunning(stubborn)).toBe(false);
});

it('A process that can not start is named with its last log lines, and the others are stopped', async () => {
  await expect(start(await planOf({ fines: 'fails' }))).rejects.toThrow(
    /fines failed to start; its last log lines:(\n {2}the database has no such table)+$/,
  );

  expect((await journal()).sort()).toEqual([
    'lending started',
    'lending stopped',
    'lending-relay started',
    'lending-relay stopped',
  ]);
  expect(await home.readState()).toBeUndefined();
});

it('When the supervisor is killed its processes end by themselves, and those that do not are ended before the next start', async () => {
  const plan = await planOf({ fines: 'stubborn' });
  const program = join(home.path, 'program.ts');
  await writeFile(
    program,
    `import { Home } from '${join(__dirname, '../src/home')}';
    import { Log } from '${join(__dirname, '../src/log')}';
    import { Supervisor } from '${join(__dirname, '../src/supervisor')}';
    const plan = ${JSON.stringify({ ...plan, processes: plan.processes((name) => `{${name}}`) })};
    const processes = (urlOf: (name: string) => string) => plan.processes.map((spec) => ({
      ...spec, env: { ...spec.env, DATABASE_URL: spec.env.DATABASE_URL.replace(/{(.*)}/, (_: string, name: string) => urlOf(name)) },
    }));
    const log = new Log({ write: () => {}, json: false, colour: false });
    const supervisor = new Supervisor(new Home('${home.path}'), { ...plan, processes } as never, log);
    void supervisor.start().then(() => process.send!('ready'));`,
  );
  const first = spawn(
    process.execPath,
    ['--require', join(projectRoot(), 'tools/jest/run-typescript.cjs'), program],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  await once(first, 'message');
  const state = await eventually(() => home.readState());
  const stubborn = state.processes.find(({ name }) => name === 'fines')?.process as ProcessIdentity;
  await query(state.databases['lending'], 'CREATE TABLE kept AS SELECT 1 AS n');
  first.kill('SIGKILL');

  await eventually(async () => {
    const seen = await journal();
    return ['lending alone', 'lending-relay alone', 'fines ignores the loss'].every((line) =>
      seen.includes(line),
    );
  });
  await eventually(() =>
    state.processes.every(({ name, process: one }) => name === 'fines' || !one || !isRunning(one)),
  );
  expect(isRunning(stubborn)).toBe(true);

  await endRemains(home, 1_000, (text) => lines.push(text));

  expect(lines).toEqual(['stopping processes of an earlier run: fines']);
  expect(isRunning(stubborn)).toBe(false);
  const { databases } = (await start(plan)).state();
  expect(await query(databases['lending'], 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
});

it('What was left behind is not confused with a process that has got its number since', async () => {
  const stranger = spawn('sleep', ['600']);
  const identity = identify(stranger.pid as number) as ProcessIdentity;
  try {
    const supervisor = await start(await planOf());
    const state = supervisor.state();
    await supervisor.stop();
    await home.writeState({
      ...state,
      processes: state.processes.map((one) => ({ ...one, process: { ...identity, started: 'another day' } })),
    });

    await endRemains(home, 1_000, () => {});

    expect(isRunning(identity)).toBe(true);
    expect(await home.readState()).toBeUndefined();
  } finally {
    stranger.kill();
  }
});
