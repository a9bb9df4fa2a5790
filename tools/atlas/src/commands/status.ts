import Table from 'cli-table3';
import { Client } from 'pg';
import { DockerStack } from '../docker-stack';
import { type Circuit, DOWN, healthOf, type Trouble } from '../health';
import { Home } from '../home';
import { KubernetesStack } from '../kubernetes-stack';
import type { PlatformState } from '../platform-state';
import { type Memory, memoryOf } from '../memory';
import { notRunning } from '../platform';
import { isOnKubernetes } from '../stacks';
import { healthIn } from './up-docker';

interface Row {
  readonly name: string;
  readonly pid: number | null;
  readonly port: number | null;
  readonly ready: boolean;
  /** The circuit breakers of its dependencies. */
  readonly circuits: readonly Circuit[];
  readonly troubles: readonly Trouble[];
  readonly restarts: number;
  readonly uptimeSeconds: number | null;
  readonly memory: Memory | null;
}

/**
 * Shows all processes and whether they are ready.
 * @returns the exit code: 1 if something is not ready or not running.
 */
export async function runStatus({ json }: { readonly json?: boolean }): Promise<number> {
  const home = Home.fromEnvironment();
  const state = (await home.holder()) && (await home.readState());
  const rows = isOnKubernetes()
    ? await kubernetesRows(new KubernetesStack())
    : state
      ? await embeddedRows(state)
      : await dockerRows(new DockerStack(home));
  if (rows.length === 0) {
    if (!json) throw notRunning(home);
    process.stdout.write(
      `${JSON.stringify({ running: false, ready: false, home: home.path }, undefined, 2)}\n`,
    );
    return 1;
  }
  const ready = rows.every((row) => row.ready);
  const total = rows.reduce(
    ({ rssBytes, pssBytes }, { memory }) => ({
      rssBytes: rssBytes + (memory?.rssBytes ?? 0),
      pssBytes: pssBytes === null || memory?.pssBytes === null ? null : pssBytes + (memory?.pssBytes ?? 0),
    }),
    { rssBytes: 0, pssBytes: 0 } as Memory,
  );
  process.stdout.write(
    json
      ? `${JSON.stringify({ running: true, ready, home: home.path, processes: rows, memory: total }, undefined, 2)}\n`
      : describe(rows, total),
  );
  return ready ? 0 : 1;
}

const embeddedRows = (state: PlatformState): Promise<readonly Row[]> =>
  Promise.all([supervisorRow(state), postgresRow(state), ...state.processes.map((one) => processRow(one))]);

async function dockerRows(stack: DockerStack): Promise<readonly Row[]> {
  const containers = await stack.containers();
  if (!containers.some(({ running }) => running)) return [];
  const memory = await stack.memory();
  return Promise.all(
    containers.map(async (container) => {
      const { id, name, pid, port, restarts, running, startedAt } = container;
      const bytes = memory.get(id.slice(0, 12));
      return {
        name,
        pid: running ? pid : null,
        port: port ?? null,
        ...(await healthIn(container)),
        restarts,
        uptimeSeconds: running ? secondsSince(startedAt.toISOString()) : null,
        memory: bytes === undefined ? null : { rssBytes: bytes, pssBytes: null },
      };
    }),
  );
}

async function kubernetesRows(stack: KubernetesStack): Promise<readonly Row[]> {
  return Promise.all(
    (await stack.pods()).map(async (pod) => ({
      name: pod.name,
      pid: null,
      port: null,
      ...(await stack.healthOf(pod)),
      restarts: pod.restarts,
      uptimeSeconds: secondsSince(pod.startedAt ?? null),
      memory: null,
    })),
  );
}

const secondsSince = (moment: string | null): number | null =>
  moment === null ? null : Math.max(0, Math.round((Date.now() - Date.parse(moment)) / 1_000));

const supervisorRow = async ({ supervisor, startedAt }: PlatformState): Promise<Row> => ({
  name: 'atlas',
  pid: supervisor.pid,
  port: null,
  ready: true,
  circuits: [],
  troubles: [],
  restarts: 0,
  uptimeSeconds: secondsSince(startedAt),
  memory: await memoryOf(supervisor.pid, false),
});

async function postgresRow({ postgres, databases }: PlatformState): Promise<Row> {
  const { pid, port, restarts, startedAt } = postgres;
  return {
    name: 'postgres',
    pid,
    port,
    ready: await answers(Object.values(databases)[0]),
    circuits: [],
    troubles: [],
    restarts,
    uptimeSeconds: secondsSince(startedAt),
    memory: pid === null ? null : await memoryOf(pid, true),
  };
}

async function processRow(one: PlatformState['processes'][number]): Promise<Row> {
  return {
    name: one.name,
    pid: one.process?.pid ?? null,
    port: one.port,
    ...(one.process === null ? DOWN : await healthOf(one.url)),
    restarts: one.restarts,
    uptimeSeconds: secondsSince(one.startedAt),
    memory: one.process && (await memoryOf(one.process.pid, false)),
  };
}

async function answers(url: string | undefined): Promise<boolean> {
  if (!url) return false;
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 3_000, query_timeout: 3_000 });
  client.on('error', () => {}); // the query fails, too
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

const MEBIBYTE = 1024 * 1024;
const mebibytes = (bytes: number): string => `${Math.round(bytes / MEBIBYTE)} MiB`;

function describe(rows: readonly Row[], total: Memory): string {
  const table = new Table({
    head: ['name', 'pid', 'port', 'ready', 'restarts', 'uptime', 'memory'],
    colAligns: ['left', 'right', 'right', 'left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, pid, port, ready, restarts, uptimeSeconds, memory } of rows) {
    table.push([
      name,
      pid ?? '-',
      port ?? '-',
      ready ? 'yes' : 'NO',
      restarts,
      uptimeSeconds === null ? '-' : duration(uptimeSeconds),
      memory ? mebibytes(sizeOf(memory)) : '-',
    ]);
  }
  const counted = total.pssBytes === null ? '' : '; shared memory is counted once';
  const circuits = rows.flatMap((row) => row.circuits.map((circuit) => describeCircuit(row.name, circuit)));
  const troubles = rows.flatMap((row) =>
    row.troubles.map(({ part, message }) => `${row.name} (${part}): ${message}\n`),
  );
  return `${table.toString()}\n${circuits.join('')}${troubles.join('')}Total memory: ${mebibytes(sizeOf(total))}${counted}.\n`;
}

/** `since` is the other process's time, so that it matches that process's log. */
const describeCircuit = (process: string, { dependency, breaker, since }: Circuit): string =>
  `The circuit from ${process} to "${dependency}" is ${breaker}${since ? ` since ${since}` : ''}.\n`;

const sizeOf = ({ rssBytes, pssBytes }: Memory): number => pssBytes ?? rssBytes;

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}
