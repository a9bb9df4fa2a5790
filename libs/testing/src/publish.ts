import { randomUUID } from 'node:crypto';
import { encodeEvent, type NewEvent, topicOf } from '@atlas/events';
import { envelopeOf, type EventLog, type OutgoingRecord } from '@atlas/ports/adapters';

/** Encodes an event as its owner's relay would publish it. */
export function recordOf(event: NewEvent, id = randomUUID()): OutgoingRecord {
  const encoded = encodeEvent(event.contract, envelopeOf(event, id, new Date()));
  return { topic: topicOf(event.contract.owner), ...encoded };
}

/** Publishes records under a new source, so that it fences no other publisher. Readers see them when it returns. */
export async function publish(log: EventLog, ...records: readonly OutgoingRecord[]): Promise<void> {
  const source = `test-${randomUUID()}`;
  const session = await log.openPublisher(source);
  await session.publish(records, 'done');
  await session.close();
  // Kafka completes a transaction shortly after its commit, and before the source gets its next publisher.
  await (await log.openPublisher(source)).close();
}
