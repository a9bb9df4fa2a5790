import { setTimeout as sleep } from 'node:timers/promises';
import { DockerStack } from '@atlas/cli/docker-stack';
import { Home } from '@atlas/cli/home';
import { KubernetesStack } from '@atlas/cli/kubernetes-stack';
import { identify, signal } from '@atlas/cli/process-identity';
import { isOnKubernetes } from '@atlas/cli/stacks';
import { POSTGRES } from '@atlas/cli/topology';
import type { Victim } from './killer';

/** How long a killed container stays down. */
const DOCKER_RESTART_MS = 500;

/** The platform's running processes, containers or pods. */
export async function running(): Promise<readonly Victim[]> {
  if (isOnKubernetes()) return pods(new KubernetesStack());
  const home = Home.fromEnvironment();
  const state = (await home.holder()) && (await home.readState());
  if (!state) return containers(new DockerStack(home));
  const postgres = state.postgres.pid === null ? undefined : identify(state.postgres.pid);
  const processes = state.processes.flatMap(({ name, process: own }) => (own ? [{ name, ...own }] : []));
  return [...processes, ...(postgres ? [{ name: POSTGRES, ...postgres }] : [])].map((victim) => ({
    name: victim.name,
    how: `kill -9 ${victim.pid}`,
    kill: async () => signal(victim, 'SIGKILL'),
  }));
}

async function containers(stack: DockerStack): Promise<readonly Victim[]> {
  const found = await stack.containers();
  return found
    .filter((container) => container.running)
    .map(({ id, name, pid }) => ({
      name,
      how: `kill -9 ${pid}`,
      kill: async () => {
        if (!(await stack.kill(id))) return false;
        // A restart takes time in production, too.
        await sleep(DOCKER_RESTART_MS);
        await stack.start(id);
        return true;
      },
    }));
}

/**
 * What the platform runs on and what it consists of, not what observes it. Processes go under their name, because a killed pod is
 * replaced by one of another name; of Kafka and PostgreSQL each server has its own.
 */
async function pods(stack: KubernetesStack): Promise<readonly Victim[]> {
  return (await stack.pods())
    .filter(({ component }) => component !== 'observability')
    .map(({ name, process, component }) => ({
      name: component === 'store' ? name : process,
      how: `kubectl delete pod ${name} --force`,
      kill: async () => {
        await stack.kill(name);
        return true;
      },
    }));
}
