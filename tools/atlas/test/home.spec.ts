import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Home } from '../src/home';
import type { PlatformState } from '../src/platform-state';
import { identify } from '../src/process-identity';

let folder: string;
let home: Home;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atlas-home-'));
  home = new Home(join(folder, 'atlas'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** A process that has ended, as a lock may still name it. */
async function formerProcess() {
  const child = spawn('sleep', ['600']);
  const identity = identify(child.pid as number);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return identity;
}

const state = (): PlatformState => ({
  supervisor: identify(process.pid) as PlatformState['supervisor'],
  startedAt: '2026-01-02T03:04:05.678Z',
  postgres: { pid: 42, port: 54_329, restarts: 0, startedAt: '2026-01-02T03:04:06.000Z' },
  databases: { lending: 'postgres://postgres:secret@127.0.0.1:54329/lending' },
  processes: [
    {
      name: 'lending',
      kind: 'service',
      port: 4001,
      url: 'http://127.0.0.1:4001',
      process: null,
      restarts: 2,
      startedAt: null,
    },
  ],
});

describe('The data folder', () => {
  it('is made when it is missing, and opened again later', async () => {
    await home.open();
    await home.open();

    expect(await readFile(join(home.path, 'version'), 'utf8')).toBe('4\n');
  });

  it('is refused if another version made it, and left as it is', async () => {
    await home.open();
    await writeFile(join(home.path, 'version'), '1\n');

    await expect(home.open()).rejects.toThrow(
      /data format 1, but this version of Atlas needs format 4: run "npx atlas reset"/,
    );
    expect(await readFile(join(home.path, 'version'), 'utf8')).toBe('1\n');
  });

  it('can not be a file', async () => {
    await writeFile(home.path, '');

    await expect(home.open()).rejects.toThrow(`${home.path} is not a folder: set ATLAS_HOME to one`);
  });

  it('keeps what runs, for its owner alone', async () => {
    await home.open();
    await home.writeState(state());

    expect(await home.readState()).toEqual(state());
    expect((await stat(join(home.path, 'state.json'))).mode & 0o777).toBe(0o600);
  });

  it.each(['', '{"supervisor":', '{"supervisor":{"pid":1}}'])(
    'takes %j for no state at all',
    async (content) => {
      await home.open();
      await writeFile(join(home.path, 'state.json'), content);

      expect(await home.readState()).toBeUndefined();
    },
  );

  it('is erased without what others keep there', async () => {
    await home.open();
    await home.writeState(state());
    await mkdir(join(home.path, 'postgres'));
    await writeFile(join(home.path, 'thesis.txt'), 'precious');
    await home.erase();

    expect(await readdir(home.path)).toEqual(['thesis.txt']);
    await rm(join(home.path, 'thesis.txt'));
    await home.erase();
    expect(await readdir(folder)).toEqual([]);
    await home.erase();
  });
});

describe('The lock of the data folder', () => {
  beforeEach(() => home.open());

  it('lets one process run the platform, and tells the others which and where', async () => {
    const unlock = await home.lock();
    await home.writeState(state());

    await expect(home.lock()).rejects.toThrow(
      `Atlas already runs in ${home.path} (pid ${process.pid}; lending at http://127.0.0.1:4001)`,
    );
    expect(await home.holder()).toEqual(identify(process.pid));

    await unlock();
    expect(await home.holder()).toBeUndefined();
    await (
      await home.lock()
    )();
  });

  it('is not held by a process that has ended', async () => {
    await writeFile(join(home.path, 'lock'), JSON.stringify(await formerProcess()));

    expect(await home.holder()).toBeUndefined();
    const unlock = await home.lock();
    expect(await home.holder()).toEqual(identify(process.pid));
    await unlock();
    expect(await readdir(home.path)).toEqual(['version']);
  });

  it("is not held by another process that has got the ended one's number", async () => {
    await writeFile(
      join(home.path, 'lock'),
      JSON.stringify({ ...(await formerProcess()), pid: process.pid }),
    );

    await (
      await home.lock()
    )();
  });

  it('is not held by half a file', async () => {
    await writeFile(join(home.path, 'lock'), '{"pid":');

    await (
      await home.lock()
    )();
  });

  it('goes to one of many that find it left behind', async () => {
    await writeFile(join(home.path, 'lock'), JSON.stringify(await formerProcess()));

    const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => new Home(home.path).lock()));

    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});
