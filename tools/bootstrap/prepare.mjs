import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, isBuilt } from './build.mjs';
import { install, isInstalled } from './install.mjs';
import { root, say } from './process.mjs';
import { findRuntime } from './runtime.mjs';

/** Installs and compiles what is out of date, and returns the path of the Node to use. */
export async function prepare() {
  if (!isInstalled()) await exclusively(async () => isInstalled() || (await install()));
  const node = findRuntime();
  if (!isBuilt()) await exclusively(async () => isBuilt() || (await build(node)));
  return node;
}

/** Runs `work` in one process at a time: two commands started in a fresh clone must not install into each other. */
async function exclusively(work) {
  const lock = join(
    tmpdir(),
    `atlas-setup-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.lock`,
  );
  for (let told = false; ;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = Number(existsSync(lock) && readFileSync(lock, 'utf8'));
    if (holder && !isAlive(holder)) rmSync(lock, { force: true });
    else if (!told) {
      say(`waiting for process ${holder || ''}, which is installing or compiling here …`);
      told = true;
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
