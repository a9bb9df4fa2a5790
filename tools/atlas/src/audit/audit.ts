import { setTimeout } from 'node:timers/promises';
import type { Check, ContextDeclaration, Violation } from '@atlas/context';
import type { EventLog } from '@atlas/ports/adapters';
import { Client } from 'pg';
import { DECLARATIONS } from '../topology';
import { auditBackbone, type AuditedService, type InFlight } from './backbone';
import { ContextAudits } from './contexts';

export interface AuditedPlatform {
  /** Database URLs by context; those outside, too. */
  readonly databases: Readonly<Record<string, string>>;
  readonly eventLog: EventLog;
}

export interface AuditReport {
  readonly ok: boolean;
  readonly checks: readonly Check[];
  /** What is still on its way; contexts add numbers of their own, such as `unreconciled`. */
  readonly inFlight: InFlight & { readonly [pending: string]: number | Readonly<Record<string, number>> };
  /** A sentence for each number that a context has added and that is not 0. */
  readonly pending: readonly string[];
}

/**
 * Whether every event and everything that the contexts wait for has arrived. Dead letters wait for an operator, and the
 * figures that they keep from being compared wait with them.
 */
export const isDrained = ({ inFlight }: AuditReport): boolean => {
  const { deadLetters, uncomparedFigures, ...others } = inFlight;
  const hasLetters = Object.values(deadLetters).some((count) => count > 0);
  return [...Object.values(others), hasLetters ? 0 : uncomparedFigures]
    .flatMap((counts) => (typeof counts === 'object' ? Object.values(counts) : (counts ?? 0)))
    .every((count) => count === 0);
};

/**
 * Checks the platform's invariants over all its databases and the event log. The databases are read one after the
 * other, so under load one may be seen a moment later than another: what looks wrong is checked again, and only
 * what stays wrong is reported.
 * @param patienceMs how long a finding must last to be reported.
 * @throws Error if a database is missing or can't be reached.
 */
export async function audit(platform: AuditedPlatform, patienceMs = 3_000): Promise<AuditReport> {
  const clients = Object.fromEntries(
    Object.entries(platform.databases).map(([name, connectionString]) => [
      name,
      new Client({ connectionString }),
    ]),
  );
  const missing = DECLARATIONS.find(({ name, database }) => database && !clients[name]);
  if (missing) throw new Error(`The audit needs the database of ${missing.name}`);
  try {
    for (const client of Object.values(clients)) await client.connect();
    const audits = await ContextAudits.load(DECLARATIONS, clients);
    const look = () => lookOnce(DECLARATIONS, clients, audits, platform.eventLog);
    let report = await look();
    const deadline = Date.now() + patienceMs;
    while (!report.ok && Date.now() < deadline) {
      await setTimeout(Math.min(1_000, patienceMs));
      report = lasting(report, await look());
    }
    return report;
  } finally {
    await Promise.all(Object.values(clients).map((client) => client.end()));
  }
}

async function lookOnce(
  declarations: readonly ContextDeclaration[],
  clients: Readonly<Record<string, Client>>,
  audits: ContextAudits,
  log: EventLog,
): Promise<AuditReport> {
  const services = declarations
    .filter(({ kind }) => kind === 'context')
    .flatMap(({ name }) => {
      const database = clients[name];
      return database ? [{ name, database }] : [];
    });
  const before = await positionsOf(services, log);
  const backbone = await auditBackbone(services, log);
  const { unpublished, unhandled, deadLetters } = backbone.inFlight;
  const counts = [unpublished, unhandled, deadLetters].flatMap((by) => Object.values(by));
  const isMoving = counts.some((count) => count > 0);
  const business = await audits.check(isMoving);
  const figures = await audits.compareFigures(
    async () => !isMoving && (await positionsOf(services, log)) === before,
  );
  const checks = [...business.checks, ...figures.checks, ...backbone.checks];
  const pending = [...business.pending, figures.pending];
  return {
    ok: checks.every((check) => check.violations.length === 0),
    checks,
    inFlight: {
      ...Object.fromEntries(pending.map(({ name, count }) => [name, count])),
      ...backbone.inFlight,
    },
    pending: pending.filter(({ count }) => count > 0).map(({ sentence }) => sentence),
  };
}

/** How far all outboxes and the log have come: the same twice means that no event was committed in between. */
async function positionsOf(services: readonly AuditedService[], log: EventLog): Promise<string> {
  const outboxes: unknown[] = [];
  for (const { database } of services) {
    outboxes.push((await database.query('SELECT max(id) FROM outbox')).rows);
  }
  const partitions = await log.describe();
  return JSON.stringify([outboxes, partitions.map(({ topic, partition, end }) => [topic, partition, end])]);
}

/** The present report, with only those violations that were there before, too. */
function lasting(before: AuditReport, now: AuditReport): AuditReport {
  const key = ({ invariant, subject }: Violation) => `${invariant}\n${subject}`;
  const known = new Set(before.checks.flatMap((check) => check.violations.map(key)));
  const checks = now.checks.map((check) => ({
    ...check,
    violations: check.violations.filter((violation) => known.has(key(violation))),
  }));
  return { ...now, ok: checks.every((check) => check.violations.length === 0), checks };
}
