import { openEventLog } from '@atlas/adapters/event-log';
import Table from 'cli-table3';
import { audit, type AuditReport } from '../audit/audit';
import { connect } from '../platform';

export interface AuditOptions {
  readonly json?: boolean;
}

const SHOWN_VIOLATIONS = 20;

/**
 * Checks the invariants over all databases and the event log of the running platform.
 * @returns the exit code: 1 if one is violated.
 */
export async function runAudit({ json }: AuditOptions): Promise<number> {
  const { databases, eventLog: settings } = await connect();
  const eventLog = await openEventLog('atlas', settings, (error) =>
    process.stderr.write(`the event log: ${String(error)}\n`),
  );
  try {
    const report = await audit({ databases, eventLog });
    process.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : describeAudit(report));
    return report.ok ? 0 : 1;
  } finally {
    await eventLog.close();
  }
}

export function describeAudit({ checks, inFlight, pending, ok }: AuditReport): string {
  const table = new Table({
    head: ['invariant', 'checked', 'violations'],
    colAligns: ['left', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const { invariant, checked, violations } of checks)
    table.push([invariant, checked, violations.length]);
  const lines = [table.toString()];

  const violations = checks.flatMap((check) => check.violations);
  if (violations.length > 0) {
    const found = new Table({
      head: ['violated', 'by', 'which'],
      style: { head: [], border: [], compact: true },
      wordWrap: true,
    });
    for (const { invariant, subject, detail } of violations.slice(0, SHOWN_VIOLATIONS)) {
      found.push([invariant, subject, detail]);
    }
    lines.push(found.toString());
    const more = violations.length - SHOWN_VIOLATIONS;
    if (more > 0) lines.push(`and ${more} more; --json shows them all`);
  }

  const waiting = [
    ...entries(inFlight.unpublished, (name, count) => `${count} events of ${name} wait in its outbox`),
    ...entries(inFlight.unhandled, (name, count) => `${count} events wait to be handled: ${name}`),
    ...entries(
      inFlight.deadLetters,
      (name, count) => `${count} dead letters of ${name} wait for an operator`,
    ),
    ...pending,
  ];
  if (waiting.length > 0) lines.push(`In flight: ${waiting.join('; ')}.`);
  lines.push(ok ? 'All invariants hold.' : `${violations.length} violations.`);
  return `${lines.join('\n')}\n`;
}

const entries = (
  counts: Readonly<Record<string, number>>,
  tell: (name: string, count: number) => string,
): string[] =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => tell(name, count));
