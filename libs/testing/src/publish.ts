import { randomUUID } from 'node:crypto';
import { encodeEvent, type NewEvent, topicOf } from '@atlas/contracts';
import type { EventLog, OutgoingRecord } from '@atlas/ports';

/** The record of an event as its owner's relay would publish it. */
export function recordOf(event: NewEvent, id = randomUUID()): OutgoingRecord {
  const { contract, subject, aggregateVersion, data } = event;
  const encoded = encodeEvent(contract, {
    id,
    type: contract.type,
    schemaVersion: contract.version,
    source: contract.owner,
    subject,
    aggregateVersion,
    time: new Date().toISOString(),
    correlationId: id,
    data,
  });
  return { topic: topicOf(contract.owner), ...encoded };
}

/** Publishes records in one go, as a source of its own that fences nobody. */
export async function publish(log: EventLog, ...records: readonly OutgoingRecord[]): Promise<void> {
  const session = await log.openPublisher(`test-${randomUUID()}`);
  await session.publish(records, 'done');
  await session.close();
}
