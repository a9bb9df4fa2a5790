import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEventLog } from '@atlas/adapters/event-log';
import Table from 'cli-table3';
import type { AuditReport } from '@atlas/cli/audit/audit';
import { isDrained } from '@atlas/cli/audit/audit';
import { auditOnceDrained } from '../chaos/audit-once-drained';
import { generateBaskets } from '../chaos/baskets';
import { say } from '../chaos/say';
import { AtlasClient } from '../client';
import { Journal, type Outcome, runCampaign } from '../faults/campaign';
import { EmbeddedStage } from '../faults/embedded-stage';
import { CLOCK_JUMP_MS } from '../faults/inflict';
import { Injections } from '../faults/injections';
import { FAULT_KINDS, type FaultKind, planOf } from '../faults/plan';
import { Probe } from '../faults/probe';
import type { Stage } from '../faults/stage';
import { Home } from '@atlas/cli/home';
import { load, type LoadResult } from '../load/load';
import type { Stack } from '@atlas/cli/stacks';
import { UserError } from '@atlas/cli/user-error';
import { describeAudit } from '@atlas/cli/commands/audit';
import { DECLINE_RATE, PATIENCE_MS, STOCK_RATIO } from './chaos';

export interface FaultCampaignOptions {
  /** A file of baskets; if omitted, baskets are generated. */
  readonly file?: string | undefined;
  readonly stack: Stack;
  /** How many. */
  readonly faults: number;
  readonly seed: number;
  /** Faults at a time. */
  readonly parallel: number;
  /** Only these. */
  readonly kinds?: readonly FaultKind[] | undefined;
  /** Orders a second. */
  readonly rate: number;
  readonly concurrency: number;
  /** Where to write what happened when. */
  readonly record?: string | undefined;
  readonly json?: boolean;
}

/** The orders of a round, all of which settle before the next. */
const ROUND = 200;

interface Totals {
  placed: number;
  confirmed: number;
  cancelled: number;
}

/** What ends a campaign early. */
interface Ends {
  /** The first Ctrl-C: no more faults; the orders settle and are audited. */
  readonly enough: AbortSignal;
  /** The second one, or SIGTERM: at once. */
  readonly interrupted: AbortSignal;
}

/**
 * Starts a platform of its own, inflicts faults on it while orders are placed, waits until all are settled, and audits.
 * Ctrl-C ends the faults, and a second one the campaign.
 * @returns the exit code: 1 if the audit finds anything.
 */
export async function runFaultCampaign(options: FaultCampaignOptions): Promise<number> {
  const enough = new AbortController();
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new UserError('Interrupted'));
  process.once('SIGINT', () => {
    say('no more faults; the audit follows once every order is settled (Ctrl-C again to leave it out)');
    enough.abort();
    process.once('SIGINT', interrupt);
  });
  process.once('SIGTERM', interrupt);
  const folder = await mkdtemp(join(tmpdir(), 'atlas-faults-'));
  await chmod(folder, 0o755); // the database runs as another user if this is root
  process.env['ATLAS_HOME'] = folder;
  say(`starting a platform in ${folder}`);
  const stage = await start(options.stack, new Home(folder));
  let code = 1;
  try {
    code = await campaign(stage, options, { enough: enough.signal, interrupted: interrupted.signal });
  } finally {
    const keep = code !== 0 && !interrupted.signal.aborted;
    await stage.close(keep);
    if (keep) say(`the data is kept in ${folder}; to inspect it, run ATLAS_HOME=${folder} npx atlas up`);
    else await rm(folder, { recursive: true });
  }
  return code;
}

async function start(stack: Stack, home: Home): Promise<Stage> {
  if (stack === 'embedded') return EmbeddedStage.start(home);
  const { DockerStage } = await import('../faults/docker-stage.js');
  return DockerStage.start(home);
}

async function campaign(
  stage: Stage,
  options: FaultCampaignOptions,
  { enough, interrupted }: Ends,
): Promise<number> {
  const { seed, kinds = FAULT_KINDS, concurrency } = options;
  const possible = kinds.filter((kind) => !stage.impossible.has(kind));
  const faults = planOf(seed, options.faults, stage.topology, possible);
  const log = await openEventLog('faults', stage.eventLog, () => {});
  const injections = new Injections(log);
  const failing = new AbortController();
  const signal = AbortSignal.any([interrupted, failing.signal]);
  const client = new AtlasClient(stage.urls, { connections: concurrency, patienceMs: PATIENCE_MS, signal });
  const path = options.record ?? `faults-${stage.stack}-${seed}.jsonl`;
  const journal = new Journal(path);
  const outcomes: Outcome[] = [];
  const totals: Totals = { placed: 0, confirmed: 0, cancelled: 0 };
  const began = performance.now();
  let over = false;
  try {
    const probe = await Probe.prepare(client, `probe-${seed}`);
    say(`${faults.length} faults of ${possible.length} kinds, seed ${seed}; what happens goes to ${path}`);
    const stop = (error: unknown) => failing.abort(error);
    const ordering = placeOrders(client, options, () => over, totals, signal).catch(stop);
    const breaking = runCampaign(
      {
        faults,
        parallel: options.parallel,
        recovery: () => probe.recovery(),
        enough,
        signal,
        onOutcome: (outcome) => {
          outcomes.push(outcome);
          journal.add(outcome);
          const { number, kind, target, lastedMs, recoveredMs, detail } = outcome;
          say(
            `${((performance.now() - began) / 1_000).toFixed(1).padStart(7)} s  ${number}/${faults.length} ${kind} ` +
              `(${target}${detail && `, ${detail}`}): ${lastedMs} ms, works again after ${recoveredMs} ms`,
          );
        },
      },
      { stage, log, injections },
    )
      .catch(stop)
      .finally(() => (over = true));
    await Promise.all([ordering, breaking]);
    signal.throwIfAborted();
    const tookMs = Math.round(performance.now() - began);
    say('every fault is over and every order settled; auditing');
    const report = await auditOnceDrained(interrupted, (whole) => injections.genuine(whole));
    journal.add({ ...totals, tookMs, violations: report.checks.flatMap(({ violations }) => violations) });
    const impossible = Object.fromEntries([...stage.impossible].filter(([kind]) => kinds.includes(kind)));
    if (options.json) {
      const result = {
        stack: stage.stack,
        seed,
        tookMs,
        orders: totals,
        faults: outcomes,
        impossible,
        audit: report,
      };
      process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
    } else {
      process.stdout.write(describe(outcomes, impossible, totals, tookMs, report) + describeAudit(report));
    }
    return report.ok && isDrained(report) && noLetters(report) ? 0 : 1;
  } finally {
    await journal.close();
    await client.close();
    await log.close();
  }
}

/** Every poison was discarded; whatever else was set aside was so for no good reason. */
const noLetters = ({ inFlight }: AuditReport): boolean =>
  Object.values(inFlight.deadLetters).every((count) => count === 0);

/** Places orders in rounds until the faults are over, and waits until all are settled. */
async function placeOrders(
  client: AtlasClient,
  { file, seed, rate, concurrency }: FaultCampaignOptions,
  isOver: () => boolean,
  totals: Totals,
  signal: AbortSignal,
): Promise<void> {
  const lines = file === undefined ? undefined : (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  const folder = await mkdtemp(join(tmpdir(), 'atlas-baskets-'));
  try {
    for (let round = 0; !isOver(); round++) {
      const baskets = join(folder, `${round}.csv`);
      const from = lines ? (round * ROUND) % lines.length : 0;
      const content = lines
        ? `${lines.slice(from, from + ROUND).join('\n')}\n`
        : generateBaskets(ROUND, seed + round);
      await writeFile(baskets, content);
      const result: LoadResult = await load(
        client,
        {
          ...{ file: baskets, rate, concurrency, stockRatio: STOCK_RATIO, declineRate: DECLINE_RATE },
          stuckAfterMs: CLOCK_JUMP_MS + 180_000,
        },
        { update: () => signal.throwIfAborted() },
      );
      totals.placed += result.placed;
      totals.confirmed += result.confirmed;
      totals.cancelled += Object.values(result.cancelled).reduce((sum, count) => sum + count, 0);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

function describe(
  outcomes: readonly Outcome[],
  impossible: Readonly<Partial<{ [kind in FaultKind]: string }>>,
  { placed, confirmed, cancelled }: Totals,
  tookMs: number,
  report: AuditReport,
): string {
  const table = new Table({
    head: ['kind', 'times', 'recovery, median ms', 'longest ms'],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const kind of FAULT_KINDS) {
    const times = outcomes
      .filter((outcome) => outcome.kind === kind)
      .map(({ recoveredMs }) => recoveredMs)
      .sort((a, b) => a - b);
    const reason = impossible[kind];
    if (reason !== undefined) table.push([kind, 0, { colSpan: 2, content: reason }]);
    else if (times.length > 0) table.push([kind, times.length, times[times.length >> 1], times.at(-1)]);
  }
  const seconds = (tookMs / 1_000).toFixed(0);
  const found = report.checks.reduce((sum, { violations }) => sum + violations.length, 0);
  return (
    `${table.toString()}\n${outcomes.length} faults in ${seconds} s; ${placed} orders placed, ${confirmed} confirmed, ` +
    `${cancelled} cancelled; violations found by the audit: ${found}.\n`
  );
}
