import { createInterface } from 'node:readline/promises';
import { DockerStack } from '../docker-stack';
import { Home } from '../home';
import { endRemains } from '../supervisor';
import { GRACE_MS } from '../topology';
import { UserError } from '../user-error';

export interface ResetOptions {
  readonly json?: boolean;
  /** Don't ask for confirmation. */
  readonly yes?: boolean;
}

/** Deletes all data; the next start begins with an empty platform. */
export async function runReset({ json, yes }: ResetOptions): Promise<number> {
  const home = Home.fromEnvironment();
  const holder = await home.holder();
  if (holder) {
    throw new UserError(
      `Atlas runs in ${home.path} (pid ${holder.pid}): stop it with "npx atlas down" first`,
    );
  }
  const docker = new DockerStack(home);
  if ((await docker.containers()).some(({ running }) => running)) {
    throw new UserError(
      `Atlas runs as the compose project "${docker.project}": stop it with "npx atlas down" first`,
    );
  }
  if (!yes && !(await isConfirmed(home))) {
    process.stderr.write('Nothing was deleted.\n');
    return 1;
  }
  await endRemains(home, GRACE_MS, (text) => void process.stderr.write(`${text}\n`));
  await home.erase();
  if (await docker.hasVolumes()) await docker.erase();
  if (json) process.stdout.write(`${JSON.stringify({ erased: home.path })}\n`);
  else
    process.stdout.write(
      `All data in ${home.path} was deleted; the next start begins with an empty platform.\n`,
    );
  return 0;
}

async function isConfirmed(home: Home): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new UserError(`This deletes all data in ${home.path}: pass --yes to confirm`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test(await terminal.question(`Delete all data in ${home.path}? [y/N] `));
  } finally {
    terminal.close();
  }
}
