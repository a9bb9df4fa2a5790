import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDrained } from '@atlas/cli/audit/audit';
import { auditOnceDrained } from '../chaos/audit-once-drained';
import { generateBaskets } from '../chaos/baskets';
import { Killer } from '../chaos/killer';
import { onPlatform } from '../chaos/on-platform';
import { say } from '../chaos/say';
import { running } from '../chaos/victims';
import { AtlasClient } from '../client';
import { checkBaskets } from '../load/baskets';
import { load, type LoadResult } from '../load/load';
import { connect } from '@atlas/cli/platform';
import { describeAudit } from '@atlas/cli/commands/audit';
import { describeLoad, LoadBar } from './load';

export interface ChaosOptions {
  /** A file of baskets; if omitted, baskets are generated. */
  readonly file?: string | undefined;
  readonly limit?: number | undefined;
  readonly concurrency: number;
  readonly json?: boolean;
  /** Seconds between kills, on average. */
  readonly every: number;
  /** Determines the order and times of kills, and the generated baskets. */
  readonly seed: number;
}

/** How long a client keeps trying while services are being killed. */
export const PATIENCE_MS = 120_000;
const GENERATED_BASKETS = 3_000;
/** Some orders run out of stock and some are declined, so that reservations are released, too. */
export const STOCK_RATIO = 0.95;
export const DECLINE_RATE = 0.05;

/**
 * Loads baskets while it kills services, relays, the database and Kafka with SIGKILL. Then it waits until all orders
 * are settled, and audits. Uses the running platform, or starts a temporary one.
 * @returns the exit code of the audit.
 */
export async function runChaos(options: ChaosOptions): Promise<number> {
  if (options.file !== undefined) await checkBaskets(options.file);
  return onPlatform((signal) => withBaskets(options, signal));
}

async function withBaskets(options: ChaosOptions, signal: AbortSignal): Promise<number> {
  if (options.file !== undefined) return chaos({ ...options, file: options.file }, signal);
  const folder = await mkdtemp(join(tmpdir(), 'atlas-baskets-'));
  try {
    const file = join(folder, 'baskets.csv');
    await writeFile(file, generateBaskets(options.limit ?? GENERATED_BASKETS, options.seed));
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
  // Kills in quick succession would only show a platform that is down: before each, an order must have been placed
  // since the last one.
  const victims = async () => (placed > placedAtKill ? running() : []);
  const killer = new Killer(victims, seed, ({ name, how }) => {
    placedAtKill = placed;
    say(`${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${how} (${name})`);
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
      `${describeLoad(result)}Killed: ${list.join(', ') || 'none, the run was too short: use more baskets'}\n` +
        describeAudit(report),
    );
  }
  return report.ok && isDrained(report) ? 0 : 1;
}
