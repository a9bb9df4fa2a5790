import { setTimeout as sleep } from 'node:timers/promises';
import { openEventLog } from '@atlas/adapters/event-log';
import type { EventLog } from '@atlas/ports/adapters';
import { audit, type AuditReport, isDrained } from '@atlas/cli/audit/audit';
import { connect } from '@atlas/cli/platform';
import { say } from './say';

/** How long consumers may take to handle the last events once all orders are settled. */
const DRAIN_MS = 60_000;

/**
 * Audits until every event is handled or {@link DRAIN_MS} has passed.
 * @param seenAs what the audit is to see of the log, if not all.
 * @returns the last report.
 */
export async function auditOnceDrained(
  signal: AbortSignal,
  seenAs: (log: EventLog) => EventLog = (log) => log,
): Promise<AuditReport> {
  const { databases, eventLog: settings } = await connect();
  const eventLog = await openEventLog('atlas', settings, (error) => void say(`event log: ${String(error)}`));
  try {
    for (const deadline = performance.now() + DRAIN_MS; ; await sleep(1_000, undefined, { signal })) {
      const report = await audit({ databases, eventLog: seenAs(eventLog) });
      if (isDrained(report) || performance.now() > deadline) return report;
    }
  } finally {
    await eventLog.close();
  }
}
