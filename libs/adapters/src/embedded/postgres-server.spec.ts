import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@atlas/testing';
import { Client } from 'pg';
import { EmbeddedPostgres } from './postgres-server';

let home: string;
let dataDir: string;
let running: EmbeddedPostgres[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'atlas-postgres-'));
  dataDir = join(home, 'postgres');
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((server) => server.stop()));
  await rm(home, { recursive: true, force: true });
});

async function start(port?: number): Promise<EmbeddedPostgres> {
  const server = await EmbeddedPostgres.start({ dataDir, ...(port === undefined ? {} : { port }) });
  running.push(server);
  return server;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const exitOf = (server: EmbeddedPostgres): Promise<void> =>
  new Promise((done) => server.onExit(() => done()));

describe('a fresh data folder', () => {
  it('gets a server that requires the password, and the missing databases', async () => {
    const server = await start();
    await server.ensureDatabases(['members', 'event_log']);
    await query(server.urlOf('members'), 'CREATE TABLE kept (n int)');
    await server.ensureDatabases(['members', 'shelves']);

    expect(await query(server.urlOf('members'), 'SELECT count(*)::int FROM kept')).toEqual([{ count: 0 }]);
    expect(await query(server.urlOf('shelves'), 'SHOW listen_addresses')).toEqual([
      { listen_addresses: '127.0.0.1' },
    ]);
    const guess = new URL(server.urlOf('members'));
    guess.password = 'guess';
    await expect(query(guess.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    expect((await stat(join(dataDir, 'atlas-password'))).mode & 0o777).toBe(0o600);
  });

  it('is created again after an interrupted first start', async () => {
    await mkdir(`${dataDir}.new`);
    await writeFile(join(`${dataDir}.new`, 'PG_VERSION'), '17');
    await writeFile(join(home, 'atlas-password.new'), 'half');

    const server = await start();

    expect(await query(server.urlOf('postgres'), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await readdir(home)).toEqual(['postgres']);
  });

  it('works in folders that other users may or may not enter', async () => {
    for (const mode of [0o755, 0o700]) {
      await chmod(home, mode);
      const server = await start();
      expect(await query(server.urlOf('postgres'), 'SHOW is_superuser')).toEqual([{ is_superuser: 'on' }]);
      await server.stop();
    }
  });
});

describe('the databases of a server', () => {
  const as = (url: string | undefined, database: string) => {
    const other = new URL(url ?? '');
    other.pathname = `/${database}`;
    return other.href;
  };

  it('belong to a role each, which may not connect to another', async () => {
    const server = await start();
    const { members, shelves } = await server.ensureDatabases(['members', 'shelves']);
    await query(members!, 'CREATE TABLE kept (n int)');

    expect(await query(members!, 'SELECT session_user, current_database()')).toEqual([
      { session_user: 'members', current_database: 'members' },
    ]);
    await expect(query(as(members, 'shelves'), 'SELECT 1')).rejects.toThrow('permission denied for database');
    await expect(query(as(shelves, 'members'), 'SELECT 1')).rejects.toThrow('permission denied for database');
    await expect(query(members!, 'CREATE ROLE another')).rejects.toThrow('permission denied');
  });

  it('stay as they are, and their roles get new passwords', async () => {
    const server = await start();
    const before = await server.ensureDatabases(['members']);
    await query(before['members']!, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const after = await server.ensureDatabases(['members']);

    expect(await query(after['members']!, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await expect(query(before['members']!, 'SELECT 1')).rejects.toThrow('password authentication failed');
  });
});

describe('an existing data folder', () => {
  it('keeps what was committed when the server is killed', async () => {
    const first = await start();
    await query(first.urlOf('postgres'), "CREATE TABLE kept AS SELECT 'committed' AS what");
    process.kill(first.pid, 'SIGKILL');
    await exitOf(first);

    const second = await start();

    expect(await query(second.urlOf('postgres'), 'SELECT what FROM kept')).toEqual([{ what: 'committed' }]);
  });

  it('is recovered before anybody connects, so that nobody is refused', async () => {
    const first = await start();
    process.kill(first.pid, 'SIGKILL');
    await exitOf(first);
    const log: string[] = [];

    running.push(await EmbeddedPostgres.start({ dataDir, onLog: (line) => log.push(line) }));

    expect(log).toContainEqual(expect.stringContaining('was not properly shut down'));
    expect(log.filter((line) => line.includes('FATAL'))).toEqual([]);
  });

  it('is taken over from an orphaned server', async () => {
    const orphan = await start();
    await query(orphan.urlOf('postgres'), "CREATE TABLE kept AS SELECT 'committed' AS what");

    const server = await start(orphan.port);
    await exitOf(orphan);

    expect(await query(server.urlOf('postgres'), 'SELECT what FROM kept')).toEqual([{ what: 'committed' }]);
  });

  it('is released when the process that started its server is killed', async () => {
    const program = join(home, 'starter.ts');
    await writeFile(
      program,
      `import { EmbeddedPostgres } from '${join(__dirname, 'postgres-server')}';
      void EmbeddedPostgres.start({ dataDir: '${dataDir}' }).then((server) => process.send!(server.pid));`,
    );
    const starter = spawn(
      process.execPath,
      ['--require', join(process.cwd(), 'tools/jest/run-typescript.cjs'), program],
      { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    );
    const [pid] = (await once(starter, 'message')) as [number];
    starter.kill('SIGKILL');

    await eventually(() => !isAlive(pid));

    expect(await readdir(dataDir)).not.toContain('postmaster.pid');
  });

  it("starts although another process has got a killed server's process id", async () => {
    const first = await start();
    process.kill(first.pid, 'SIGKILL');
    await exitOf(first);
    const { uid, gid } = await stat(dataDir);
    const stranger = spawn('sleep', ['600'], { cwd: '/', ...(process.getuid?.() === 0 ? { uid, gid } : {}) });
    try {
      const lock = join(dataDir, 'postmaster.pid');
      await writeFile(lock, (await readFile(lock, 'utf8')).replace(/^\d+/, String(stranger.pid)));

      const second = await start();

      expect(await query(second.urlOf('postgres'), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(stranger.exitCode).toBeNull();
    } finally {
      stranger.kill();
    }
  });

  it('is refused and left untouched if another version created it', async () => {
    await (await start()).stop();
    await writeFile(join(dataDir, 'PG_VERSION'), '16\n');

    await expect(start()).rejects.toThrow(
      /created by PostgreSQL 16, but this is PostgreSQL 17.*npx atlas reset/,
    );
    expect(await readdir(dataDir)).toContain('base');
  });

  it('is refused and left untouched if it contains other files', async () => {
    await mkdir(dataDir);
    await writeFile(join(dataDir, 'thesis.txt'), 'precious');

    await expect(start()).rejects.toThrow('contains other files but no PostgreSQL data');
    expect(await readdir(dataDir)).toEqual(['thesis.txt']);
  });
});

it('names the port that is in use', async () => {
  const unanswered: Socket[] = [];
  const other = createServer((socket) => unanswered.push(socket)).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  try {
    await expect(start(port)).rejects.toThrow(`Port ${port} is in use`);
  } finally {
    unanswered.forEach((socket) => socket.destroy());
    other.close();
  }
});
