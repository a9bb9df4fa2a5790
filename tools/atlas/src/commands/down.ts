import { setTimeout as sleep } from 'node:timers/promises';
import { DockerStack } from '../docker-stack';
import { Home } from '../home';
import { isRunning, signal } from '../process-identity';
import { endRemains } from '../supervisor';
import { GRACE_MS } from '../topology';
import { UserError } from '../user-error';

/** Longer than the supervisor can take: three groups of processes, each with its grace period. */
const DEADLINE_MS = 60_000;

/** Stops the platform on either stack, and processes that a killed supervisor left behind. */
export async function runDown({ json }: { readonly json?: boolean }): Promise<number> {
  const home = Home.fromEnvironment();
  const holder = await home.holder();
  if (holder) {
    signal(holder, 'SIGTERM');
    for (const deadline = Date.now() + DEADLINE_MS; isRunning(holder); await sleep(50)) {
      if (Date.now() > deadline) {
        throw new UserError(
          `The platform (pid ${holder.pid}) does not stop: run "kill -9 ${holder.pid}", then ` +
            '"npx atlas down" again',
        );
      }
    }
  }
  await endRemains(home, GRACE_MS, (text) => void process.stderr.write(`${text}\n`));
  const docker = new DockerStack(home);
  const hasContainers = (await docker.containers()).length > 0;
  if (hasContainers) await docker.down();
  const stopped = holder !== undefined || hasContainers;
  if (json) process.stdout.write(`${JSON.stringify({ stopped, pid: holder?.pid ?? null })}\n`);
  else process.stdout.write(stopped ? 'Atlas is down.\n' : `No platform is running in ${home.path}.\n`);
  return 0;
}
