import { randomUUID } from 'node:crypto';
import { PaymentDeclined } from '@atlas/contracts';
import { encodeEvent, topicOf } from '@atlas/events';
import type { OutgoingRecord } from '@atlas/ports/adapters';
import type { ClientBase } from 'pg';

/** The size of an event: its key, the headers of every platform event, and its data. */
export const EVENT_BYTES = 500;
export const SERVICE = PaymentDeclined.owner;
export const TOPIC = topicOf(SERVICE);

/** An event as the outbox stores it and the log carries it. */
export type BenchEvent = OutgoingRecord & { readonly id: string };

/** The first event of a new aggregate. */
export function newEvent(): BenchEvent {
  const [id, subject] = [randomUUID(), randomUUID()];
  const encode = (reason: string) =>
    encodeEvent(PaymentDeclined, {
      id,
      type: PaymentDeclined.type,
      schemaVersion: PaymentDeclined.version,
      source: SERVICE,
      subject,
      aggregateVersion: 1,
      time: new Date().toISOString(),
      correlationId: subject,
      data: { orderId: subject, reason },
    });
  const { key, headers, value } = encode('');
  const texts = [key, ...Object.entries(headers).flat()];
  const bytes = texts.reduce((sum, text) => sum + text.length, value.length);
  return { id, topic: TOPIC, ...encode('x'.repeat(Math.max(0, EVENT_BYTES - bytes))) };
}

const CHUNK_ROWS = 5_000;

/** Inserts the events into the outbox, in the client's transaction or in one per chunk. */
export async function addToOutbox(client: ClientBase, events: readonly BenchEvent[]): Promise<void> {
  for (let from = 0; from < events.length; from += CHUNK_ROWS) {
    const chunk = events.slice(from, from + CHUNK_ROWS);
    await client.query({
      name: 'add-to-outbox',
      text: `INSERT INTO outbox (event_id, topic, aggregate_id, aggregate_version, headers, payload)
       SELECT id, $2, key, 1, headers, value
       FROM unnest($1::uuid[], $3::text[], $4::jsonb[], $5::bytea[]) AS event (id, key, headers, value)`,
      values: [
        chunk.map(({ id }) => id),
        TOPIC,
        chunk.map(({ key }) => key),
        chunk.map(({ headers }) => JSON.stringify(headers)),
        chunk.map(({ value }) => value),
      ],
    });
  }
}
