import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Table from 'cli-table3';
import { Client } from 'pg';
import { request } from 'undici';
import { z } from 'zod';
import { isDrained } from '@atlas/cli/audit/audit';
import { auditOnceDrained } from '../chaos/audit-once-drained';
import { generateBaskets } from '../chaos/baskets';
import { onPlatform } from '../chaos/on-platform';
import { say } from '../chaos/say';
import { running } from '../chaos/victims';
import { AtlasClient } from '../client';
import { isReady } from '@atlas/cli/health';
import { connect } from '@atlas/cli/platform';
import { load, type LoadProgress, type LoadResult } from '../load/load';
import { UserError } from '@atlas/cli/user-error';
import { describeAudit } from '@atlas/cli/commands/audit';
import { DECLINE_RATE, PATIENCE_MS, STOCK_RATIO } from './chaos';
import { LoadBar } from './load';

export interface ChaosProviderOptions {
  /** The number of orders, over all phases. */
  readonly limit: number;
  readonly concurrency: number;
  /** How many seconds a fault affects every request, at the start of its phase. */
  readonly outage: number;
  readonly seed: number;
  readonly json?: boolean;
}

const PROVIDER = 'payment-provider';

interface Phase {
  readonly name: string;
  readonly faults: readonly Readonly<Record<string, unknown>>[];
  /** How often the provider is killed with SIGKILL during the phase. */
  readonly kills?: number;
}

interface PhaseResult {
  readonly phase: string;
  readonly orders: number;
  readonly confirmed: number;
  readonly cancelled: Readonly<Record<string, number>>;
  /** Requests to the provider that faults were injected into. */
  readonly injected: number;
  readonly kills: number;
  readonly settledAfterMs: LoadResult['settledAfterMs'];
  readonly wallMs: number;
}

interface Money {
  /** Minor units. */
  readonly ledger: string;
  readonly provider: string;
}

/** Each fault in turn: first it affects every request, then only some, so that orders can settle. */
function phasesOf(outageMs: number): readonly Phase[] {
  const outage = (fault: object) => [
    { ...fault, probability: 1, forMs: outageMs },
    { ...fault, probability: 0.2 },
  ];
  return [
    { name: 'behaves', faults: [] },
    { name: 'is slow', faults: [{ kind: 'latency', delayMs: { mean: 200 } }] },
    { name: 'fails before it charges', faults: outage({ kind: 'error-before', status: 503 }) },
    { name: 'fails after it has charged', faults: outage({ kind: 'error-after', status: 500 }) },
    { name: 'cuts the line before it charges', faults: outage({ kind: 'reset-before' }) },
    { name: 'cuts the line after it has charged', faults: outage({ kind: 'reset-after' }) },
    { name: 'charges and is silent', faults: outage({ kind: 'silence-after' }) },
    { name: 'answers bit by bit', faults: outage({ kind: 'slow-body', overMs: 2_000 }) },
    { name: 'limits the rate', faults: outage({ kind: 'rate-limit', retryAfterSeconds: 1 }) },
    {
      name: 'does all of it, to questions too',
      faults: ['error-before', 'error-after', 'reset-before', 'reset-after', 'silence-after'].map((kind) => ({
        kind,
        probability: 0.05,
        on: ['charge', 'refund', 'read'],
      })),
    },
    { name: 'is killed', faults: [], kills: 2 },
  ];
}

/**
 * Places orders while the payment provider shows each of its faults in turn, waits until all are settled, and audits.
 * Uses the running platform, or starts a temporary one.
 * @returns the exit code of the audit.
 */
export async function runChaosProvider(options: ChaosProviderOptions): Promise<number> {
  const phases = phasesOf(options.outage * 1_000);
  if (options.limit < phases.length) {
    throw new UserError(`There are ${phases.length} phases: set --limit to at least ${phases.length} orders`);
  }
  return onPlatform((interrupted) => goThrough(phases, options, interrupted));
}

async function goThrough(
  phases: readonly Phase[],
  { limit, concurrency, seed, json }: ChaosProviderOptions,
  interrupted: AbortSignal,
): Promise<number> {
  const { urls, outside, databases } = await connect();
  const provider = { url: outside[PROVIDER] ?? '', database: databases[PROVIDER] ?? '' };
  const client = new AtlasClient(urls, {
    connections: concurrency,
    patienceMs: PATIENCE_MS,
    signal: interrupted,
  });
  const folder = await mkdtemp(join(tmpdir(), 'atlas-baskets-'));
  const results: PhaseResult[] = [];
  try {
    for (const [index, phase] of phases.entries()) {
      const orders =
        Math.floor(((index + 1) * limit) / phases.length) - Math.floor((index * limit) / phases.length);
      const file = join(folder, `${index}.csv`);
      await writeFile(file, generateBaskets(orders, seed + index));
      say(`the provider ${phase.name}: ${orders} orders`);
      results.push(
        await runPhase(phase, { client, file, concurrency, seed, provider: provider.url, interrupted }),
      );
    }
  } finally {
    await client.close();
    await rm(folder, { recursive: true });
    await faults(provider.url, 'DELETE').catch(() => {});
  }
  const report = await auditOnceDrained(interrupted);
  const money = {
    ledger: await sumOf(databases['payments'] ?? '', LEDGER),
    provider: await sumOf(provider.database, BOOKS),
  };
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ seed, phases: results, money, audit: report }, undefined, 2)}\n`,
    );
  } else {
    process.stdout.write(`${describe(results, money)}${describeAudit(report)}`);
  }
  return report.ok && isDrained(report) && money.ledger === money.provider ? 0 : 1;
}

interface PhaseContext {
  readonly client: AtlasClient;
  readonly file: string;
  readonly concurrency: number;
  readonly seed: number;
  /** URL of the provider. */
  readonly provider: string;
  readonly interrupted: AbortSignal;
}

async function runPhase(
  { name, faults: wanted, kills = 0 }: Phase,
  { client, file, concurrency, seed, provider, interrupted }: PhaseContext,
): Promise<PhaseResult> {
  const bar = new LoadBar();
  // Faults start with the first order: prices and stock are set without them.
  let begun: Promise<unknown> | undefined;
  const progress: LoadProgress = {
    update: (count) => {
      bar.update(count);
      begun ??= faults(provider, 'PUT', { seed, faults: wanted }).then(() =>
        kill(kills, provider, interrupted),
      );
      begun.catch(() => {}); // awaited below
    },
  };
  try {
    const result = await load(
      client,
      { file, concurrency, stockRatio: STOCK_RATIO, declineRate: DECLINE_RATE },
      progress,
    );
    await begun;
    // A killed provider forgets its count.
    const injected = (await faults(provider, 'GET')).injected.reduce((sum, count) => sum + count, 0);
    const { placed: orders, confirmed, cancelled, settledAfterMs, wallMs } = result;
    return { phase: name, orders, confirmed, cancelled, injected, kills, settledAfterMs, wallMs };
  } finally {
    bar.stop();
  }
}

/** Kills the provider with SIGKILL, each time as soon as it is ready again. */
async function kill(times: number, provider: string, interrupted: AbortSignal): Promise<void> {
  for (let killed = 0; killed < times;) {
    const victim = (await running()).find(({ name }) => name === PROVIDER);
    if (victim && (await isReady(provider)) && (await victim.kill())) {
      killed += 1;
      say(`${victim.how} (${PROVIDER})`);
    }
    await sleep(200, undefined, { signal: interrupted });
  }
  while (!(await isReady(provider))) await sleep(200, undefined, { signal: interrupted });
}

const faultsAnswer = z.object({ injected: z.array(z.int()) });

async function faults(
  provider: string,
  method: 'GET' | 'PUT' | 'DELETE',
  document?: object,
): Promise<z.infer<typeof faultsAnswer>> {
  const { statusCode, body } = await request(`${provider}/faults`, {
    method,
    headers: document ? { 'content-type': 'application/json' } : {},
    body: document ? JSON.stringify(document) : null,
  });
  const text = await body.text();
  if (statusCode >= 400) throw new Error(`The provider rejected these faults: ${text}`);
  return text === '' ? { injected: [] } : faultsAnswer.parse(JSON.parse(text));
}

const LEDGER = `
  SELECT coalesce(sum(debit - credit), 0)::text AS sum FROM ledger_entry WHERE account = 'provider-clearing'`;
const BOOKS = `
  SELECT coalesce(sum(CASE kind WHEN 'charge' THEN amount ELSE -amount END), 0)::text AS sum FROM book_entry`;

async function sumOf(database: string, query: string): Promise<string> {
  const client = new Client({ connectionString: database });
  await client.connect();
  try {
    return (await client.query<{ sum: string }>(query)).rows[0]?.sum ?? '0';
  } finally {
    await client.end();
  }
}

function describe(results: readonly PhaseResult[], { ledger, provider }: Money): string {
  const table = new Table({
    head: [
      'the provider …',
      'orders',
      'confirmed',
      'declined',
      'sold out',
      'given up',
      'injected',
      'p95 ms',
      's',
    ],
    colAligns: ['left', ...Array<'right'>(8).fill('right')],
    style: { head: [], border: [], compact: true },
  });
  for (const { phase, orders, confirmed, cancelled, injected, kills, settledAfterMs, wallMs } of results) {
    table.push([
      phase,
      orders,
      confirmed,
      cancelled['payment-declined'] ?? 0,
      cancelled['out-of-stock'] ?? 0,
      cancelled['payment-failed'] ?? 0,
      kills > 0 ? `${kills} × kill -9` : injected,
      settledAfterMs.p95,
      (wallMs / 1_000).toFixed(1),
    ]);
  }
  const books = `The ledger says that the provider holds ${ledger} cents; its own books say ${provider}.`;
  return `${table.toString()}\n${books}\n`;
}
