import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unprivilegedLauncher } from './unprivileged';

let folder: string;
let program: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atlas-unprivileged-'));
  await mkdir(join(folder, 'deep'));
  program = join(folder, 'deep', 'program');
  // Like initdb, it checks its own file with access(2) first.
  await writeFile(program, '#!/bin/sh\n[ -x "$0" ] && [ -r "$0" ] && exec id -u\n', { mode: 0o755 });
});

afterEach(() => rm(folder, { recursive: true }));

async function uidThatRuns(): Promise<{ uid: string; wanted: number | undefined }> {
  const { command, owner } = await unprivilegedLauncher(folder, [program]);
  const { file, args, ...user } = command(program, []);
  const { stdout, stderr } = spawnSync(file, args, { ...user, cwd: '/', encoding: 'utf8' });
  return { uid: stdout.trim() || stderr, wanted: owner?.uid };
}

const asRoot = process.getuid?.() === 0 ? describe : describe.skip;

asRoot('For root, a program runs as another user', () => {
  it('in a folder that this user can enter', async () => {
    await chmod(folder, 0o755);

    expect(await uidThatRuns()).toEqual({ uid: '65534', wanted: 65_534 });
  });

  it("and in a folder that this user can't enter", async () => {
    await chmod(folder, 0o700);

    expect(await uidThatRuns()).toEqual({ uid: '65534', wanted: 65_534 });
  });
});
