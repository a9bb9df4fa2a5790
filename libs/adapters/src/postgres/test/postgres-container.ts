import { eventually, freePort } from '@atlas/testing';
import { Client } from 'pg';
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';

/** PostgreSQL 17 with its default durability. */
export interface PostgresContainer {
  /** `postgres://…` of the server; databases are made on it. */
  readonly url: string;
  /** Ends it; its data stay, and `start` brings it back under the same address, whichever way it ended. */
  stop(): Promise<void>;
  /** Ends it at once: what was committed comes back by recovery. */
  kill(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

const PORT = 5432;
const PASSWORD = 'atlas-test';
const START_TIMEOUT_MS = 120_000;

/** @param onHost in the host's own network, which only Linux has: without Docker's proxy in between. */
export async function startPostgres({ onHost = false } = {}): Promise<PostgresContainer> {
  // Fixed, so that it has the same address after a restart.
  const port = await freePort();
  const url = `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`;
  const server = new GenericContainer('postgres:17')
    .withEnvironment({ POSTGRES_PASSWORD: PASSWORD })
    .withCommand(['postgres', '-c', 'max_connections=200', '-c', `port=${onHost ? port : PORT}`])
    // The first start is the one that makes the databases, and takes no one from outside.
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
    .withStartupTimeout(START_TIMEOUT_MS);
  const container = await (
    onHost ? server.withNetworkMode('host') : server.withExposedPorts({ container: PORT, host: port })
  ).start();
  const docker = (await getContainerRuntimeClient()).container.getById(container.getId());
  return {
    url,
    stop: async () => void (await docker.stop({ t: 20 })),
    kill: async () => {
      await docker.kill({ signal: 'SIGKILL' });
      await docker.wait();
    },
    start: async () => {
      if (!(await docker.inspect()).State.Running) await docker.start();
      await eventually(() => answers(url), START_TIMEOUT_MS);
    },
    remove: async () => void (await container.stop({ timeout: 0 })),
  };
}

async function answers(url: string): Promise<true> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('SELECT 1');
  await client.end();
  return true;
}
