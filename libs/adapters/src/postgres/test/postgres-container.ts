import { eventually, freePort } from '@atlas/testing';
import { Client } from 'pg';
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';

/** PostgreSQL 17 with its default durability. */
export interface PostgresContainer {
  /** The server's `postgres://…` URL; tests create their databases on it. */
  readonly url: string;
  /** Stops the server and keeps its data. However it ended, `start` restarts it at the same address. */
  stop(): Promise<void>;
  /** Kills the server; recovery restores all commits. */
  kill(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

const PORT = 5432;
const PASSWORD = 'atlas-test';
const START_TIMEOUT_MS = 120_000;

/** @param onHost use the host's network (Linux only), which bypasses Docker's proxy. */
export async function startPostgres({ onHost = false } = {}): Promise<PostgresContainer> {
  // A fixed port keeps the address across restarts.
  const port = await freePort();
  const url = `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`;
  const server = new GenericContainer('postgres:17')
    .withEnvironment({ POSTGRES_PASSWORD: PASSWORD })
    .withCommand(['postgres', '-c', 'max_connections=200', '-c', `port=${onHost ? port : PORT}`])
    // The image starts the server twice: first to initialise the databases, without outside connections.
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
