import { setTimeout } from 'node:timers/promises';
import type { EventLog } from '@atlas/ports/adapters';
import { Client } from 'pg';
import { auditBackbone, type InFlight } from './backbone';
import { auditBusiness, type Databases } from './business';
import type { Check, Violation } from './report';

const SERVICES = ['orders', 'inventory', 'payments'] as const;

export interface AuditedPlatform {
  /** Database URLs by service. */
  readonly databases: Readonly<Record<(typeof SERVICES)[number], string>>;
  readonly eventLog: EventLog;
  /** URL of the database with the payment provider's books. */
  readonly provider: string;
}

export interface AuditReport {
  readonly ok: boolean;
  readonly checks: readonly Check[];
  readonly inFlight: InFlight & {
    /** Movements of money in the provider's books that payments has not read yet. */
    readonly unreconciled: number;
  };
}

/**
 * Checks the platform's invariants over all its databases and the event log. The databases are read one after the
 * other, so under load one may be seen a moment later than another: what looks wrong is looked at again, and only
 * what stays wrong is reported.
 * @param patienceMs how long a finding must last to be reported.
 */
export async function audit(platform: AuditedPlatform, patienceMs = 3_000): Promise<AuditReport> {
  const urls = { ...platform.databases, provider: platform.provider };
  const clients = Object.fromEntries(
    Object.entries(urls).map(([name, connectionString]) => [name, new Client({ connectionString })]),
  ) as Record<keyof typeof urls, Client>;
  try {
    for (const client of Object.values(clients)) await client.connect();
    let report = await look(clients, platform.eventLog);
    const deadline = Date.now() + patienceMs;
    while (!report.ok && Date.now() < deadline) {
      await setTimeout(Math.min(1_000, patienceMs));
      report = lasting(report, await look(clients, platform.eventLog));
    }
    return report;
  } finally {
    await Promise.all(Object.values(clients).map((client) => client.end()));
  }
}

async function look(clients: Databases, log: EventLog): Promise<AuditReport> {
  const services = SERVICES.map((name) => ({ name, database: clients[name] }));
  const backbone = await auditBackbone(services, log);
  const business = await auditBusiness(clients, backbone.inFlight);
  const checks = [...business.checks, ...backbone.checks];
  return {
    ok: checks.every((check) => check.violations.length === 0),
    checks,
    inFlight: { ...backbone.inFlight, unreconciled: business.unreconciled },
  };
}

/** The present report, with those violations alone that were there before too. */
function lasting(before: AuditReport, now: AuditReport): AuditReport {
  const key = ({ invariant, subject }: Violation) => `${invariant}\n${subject}`;
  const known = new Set(before.checks.flatMap((check) => check.violations.map(key)));
  const checks = now.checks.map((check) => ({
    ...check,
    violations: check.violations.filter((violation) => known.has(key(violation))),
  }));
  return { ...now, ok: checks.every((check) => check.violations.length === 0), checks };
}
