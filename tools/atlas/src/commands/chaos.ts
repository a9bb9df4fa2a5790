import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEventLog } from '@atlas/adapters/event-log';
import { audit, type AuditReport, isDrained } from '../audit/audit';
import { checkReadable } from '../load/baskets';
import { AtlasClient } from '../client';
import { digest, fraction } from '../digest';
import { DockerStack } from '../docker-stack';
import { Home } from '../home';
import { Killer, type Victim } from '../killer';
import { connect } from '../platform';
import { identify, signal } from '../process-identity';
import { load, type LoadResult } from '../load/load';
import { POSTGRES } from '../topology';
import { UserError } from '../user-error';
import { describeAudit } from './audit';
import { describeLoad, LoadBar } from './load';

export interface ChaosOptions {
  /** A file of baskets; without one, baskets are made up. */
  readonly file?: string | undefined;
  readonly limit?: number | undefined;
  readonly concurrency: number;
  readonly json?: boolean;
  /** Seconds between kills, on average. */
  readonly every: number;
  /** Decides who is killed when, and the made-up baskets. */
  readonly seed: number;
}

/** How long a client waits for services that are being killed. */
export const PATIENCE_MS = 120_000;
/** How long the last events may take to be handled once all orders are settled. */
const DRAIN_MS = 60_000;
const DOCKER_RESTART_MS = 500;
const MADE_UP_BASKETS = 3_000;
/** Some of everything: enough are sold out and declined to see what was held go back. */
export const STOCK_RATIO = 0.95;
export const DECLINE_RATE = 0.05;

/**
 * Loads baskets while it kills services, relays, the database and Kafka with SIGKILL; then lets all settle and audits.
 * Uses the platform that runs, or starts one in a folder of its own for the while.
 * @returns the exit code of the audit.
 */
export async function runChaos(options: ChaosOptions): Promise<number> {
  if (options.file !== undefined) await checkReadable(options.file);
  return onPlatform((signal) => withBaskets(options, signal));
}

/**
 * Does the work on the platform that runs, or on one of its own, which it throws away after a success.
 * @param work gets a signal that aborts on Ctrl-C; returns an exit code.
 */
export async function onPlatform(work: (interrupted: AbortSignal) => Promise<number>): Promise<number> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new UserError('Interrupted'));
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, interrupt);
  try {
    const isUp = (await running()).length > 0;
    return await (isUp ? work(interrupted.signal) : onOwnPlatform(work, interrupted.signal));
  } catch (error) {
    interrupted.signal.throwIfAborted(); // whatever failed, it did because of that
    throw error;
  }
}

async function onOwnPlatform(
  work: (interrupted: AbortSignal) => Promise<number>,
  signal: AbortSignal,
): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'atlas-chaos-'));
  await chmod(folder, 0o755); // the database may run as another user
  process.env['ATLAS_HOME'] = folder;
  say(`starting a platform of its own in ${folder}`);
  let code: number | undefined;
  try {
    if ((await atlas(['up', '--detach'], signal)) !== 0) {
      throw new UserError(`The platform in ${folder} did not start`);
    }
    code = await work(signal);
    return code;
  } finally {
    await atlas(['down']);
    if (code === 0 || signal.aborted) await rm(folder, { recursive: true });
    else say(`the data is kept in ${folder}; look at it with ATLAS_HOME=${folder} npx atlas up`);
  }
}

async function withBaskets(options: ChaosOptions, signal: AbortSignal): Promise<number> {
  if (options.file !== undefined) return chaos({ ...options, file: options.file }, signal);
  const folder = await mkdtemp(join(tmpdir(), 'atlas-baskets-'));
  try {
    const file = join(folder, 'baskets.csv');
    await writeFile(file, madeUpBaskets(options.limit ?? MADE_UP_BASKETS, options.seed));
    return await chaos({ ...options, file }, signal);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function chaos(
  { file, limit, concurrency, every, seed, json }: ChaosOptions & { file: string },
  interrupted: AbortSignal,
): Promise<number> {
  const { urls } = await connect();
  const client = new AtlasClient(urls, {
    connections: concurrency,
    patienceMs: PATIENCE_MS,
    signal: interrupted,
  });
  const bar = new LoadBar();
  const began = performance.now();
  let placed = 0;
  let placedAtKill = -1;
  // Faster than anything can come up again, kills would show nothing: each finds a platform that has taken an order
  // since the one before.
  const victims = async () => (placed > placedAtKill ? running() : []);
  const killer = new Killer(victims, seed, ({ name, pid }) => {
    placedAtKill = placed;
    say(`${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s  kill -9 ${pid} (${name})`);
  });
  say(`killing one process about every ${every} s, seed ${seed}`);
  const killing = killer.run(every * 1_000);
  let result: LoadResult;
  try {
    result = await load(
      client,
      { file, limit, concurrency, stockRatio: STOCK_RATIO, declineRate: DECLINE_RATE },
      {
        update: (count) => {
          placed = count.placed;
          bar.update(count);
        },
        allPlaced: () => {
          killer.stop();
          say('all orders are placed; no more kills');
        },
      },
    );
  } finally {
    bar.stop();
    killer.stop();
    await killing;
    await client.close();
  }
  const report = await auditOnceDrained(interrupted);
  const kills = Object.fromEntries(killer.kills);
  if (json) {
    process.stdout.write(`${JSON.stringify({ seed, kills, load: result, audit: report }, undefined, 2)}\n`);
  } else {
    const list = Object.entries(kills).map(([name, count]) => `${count} × ${name}`);
    process.stdout.write(
      `${describeLoad(result)}Killed: ${list.join(', ') || 'none, all was over too soon: take more baskets'}\n` +
        describeAudit(report),
    );
  }
  return report.ok && isDrained(report) ? 0 : 1;
}

/** Audits until every event has arrived everywhere, or a deadline. */
export async function auditOnceDrained(signal: AbortSignal): Promise<AuditReport> {
  const { databases, eventLog: url } = await connect();
  const eventLog = await openEventLog(
    'atlas',
    { EVENT_LOG_URL: url },
    (error) => void say(`event log: ${String(error)}`),
  );
  try {
    for (const deadline = performance.now() + DRAIN_MS; ; await sleep(1_000, undefined, { signal })) {
      const report = await audit({ databases, eventLog });
      if (isDrained(report) || performance.now() > deadline) return report;
    }
  } finally {
    await eventLog.close();
  }
}

/** What the platform started and what runs now. */
export async function running(): Promise<readonly Victim[]> {
  const home = Home.fromEnvironment();
  const state = (await home.holder()) && (await home.readState());
  if (!state) return containers(new DockerStack(home));
  const postgres = state.postgres.pid === null ? undefined : identify(state.postgres.pid);
  const processes = state.processes.flatMap(({ name, process: own }) => (own ? [{ name, ...own }] : []));
  return [...processes, ...(postgres ? [{ name: POSTGRES, ...postgres }] : [])].map((victim) => ({
    ...victim,
    kill: async () => signal(victim, 'SIGKILL'),
  }));
}

async function containers(stack: DockerStack): Promise<readonly Victim[]> {
  const found = await stack.containers();
  return found
    .filter((container) => container.running)
    .map(({ id, name, pid }) => ({
      name,
      pid,
      kill: async () => {
        if (!(await stack.kill(id))) return false;
        // As long as it takes until someone notices.
        await sleep(DOCKER_RESTART_MS);
        await stack.start(id);
        return true;
      },
    }));
}

/** Runs another atlas command, as a process of its own that the terminal's Ctrl-C does not reach. */
async function atlas(args: readonly string[], signal?: AbortSignal): Promise<number> {
  const child = spawn(process.execPath, [process.argv[1] as string, ...args], {
    stdio: ['ignore', 2, 2],
    detached: true,
  });
  const [code] = (await once(child, 'exit', { signal })) as [number | null];
  return code ?? 1;
}

/** Up to eight of forty items a basket, the first ones far more often than the last. */
export function madeUpBaskets(count: number, seed: number): string {
  const basket = (line: number) =>
    Array.from({ length: 1 + (digest(`${seed} size ${line}`) % 8) }, (_, n) => {
      const item = Math.floor(40 * fraction(`${seed} item ${line} ${n}`) ** 3);
      return `item ${item + 1}`;
    });
  return Array.from({ length: count }, (_, line) => `${basket(line).join(',')}\n`).join('');
}

/** A line on stderr, above the progress bar if there is one. */
export const say = (text: string): boolean =>
  process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}atlas: ${text}\n`);
