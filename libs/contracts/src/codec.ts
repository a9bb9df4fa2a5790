import { CloudEvent, Kafka } from 'cloudevents';
import { err, ok, type Result } from '@atlas/kernel';
import { contracts } from './catalogue';
import type { EventContract, EventEnvelope } from './event-contract';

/** A record as an event log carries it: CloudEvents 1.0, Kafka protocol binding, binary mode. */
export interface EncodedEvent {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** UTF-8 JSON. */
  readonly value: Buffer;
}

/** Why a record can't be handed to a handler; `reason` is a sentence for the operator. */
export interface UndecodableEvent {
  readonly kind: 'malformed' | 'unknown-type' | 'unknown-version' | 'invalid-data';
  readonly reason: string;
}

const MAX_VALUE_BYTES = 1_048_576;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const dataSchemaUri = (contract: EventContract) => `urn:atlas:schema:${contract.type}:${contract.version}`;

/**
 * Encodes an event, after checking its data against its contract, so that nothing invalid is ever published.
 * @throws Error naming the event and the field if the data breaks the contract: a defect of the publisher.
 */
export function encodeEvent(contract: EventContract, event: EventEnvelope): EncodedEvent {
  const checked = contract.data.safeParse(event.data);
  if (!checked.success) {
    throw new Error(`${contract.type} v${contract.version} can't be published: ${issuesOf(checked.error)}`);
  }
  const message = Kafka.binary<unknown>(
    new CloudEvent(
      {
        id: event.id,
        type: event.type,
        source: `/atlas/${event.source}`,
        subject: event.subject,
        time: event.time,
        datacontenttype: 'application/json',
        dataschema: dataSchemaUri(contract),
        partitionkey: event.subject,
        aggregateversion: event.aggregateVersion,
        correlationid: event.correlationId,
        ...(event.causationId && { causationid: event.causationId }),
        data: checked.data,
      },
      // The SDK's own check is for events that others made; these attributes are ours.
      false,
    ),
  );
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers)) headers[name] = String(value);
  if (event.traceparent) headers['traceparent'] = event.traceparent;
  return { key: event.subject, headers, value: Buffer.from(JSON.stringify(checked.data)) };
}

/** Decodes a record and checks it against the contract that it names. Never throws, whatever the bytes are. */
export function decodeEvent(record: {
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer | null;
}): Result<EventEnvelope, UndecodableEvent> {
  const { headers, value } = record;
  if (!value) return malformed('the record has no value');
  if (value.length > MAX_VALUE_BYTES) {
    return malformed(`the value has ${value.length} bytes; the most an event may have is ${MAX_VALUE_BYTES}`);
  }
  for (const name of [
    'ce_specversion',
    'ce_id',
    'ce_type',
    'ce_source',
    'ce_subject',
    'ce_time',
    'ce_dataschema',
  ]) {
    if (!headers[name])
      return malformed(`the header "${name}" is missing; events are CloudEvents in binary mode`);
  }
  if (!UUID.test(headers['ce_id'] as string)) {
    return malformed(`the header "ce_id" must be a UUID, not "${headers['ce_id']}"`);
  }
  if (headers['ce_specversion'] !== '1.0') {
    return malformed(`CloudEvents ${headers['ce_specversion']} is not read here; 1.0 is`);
  }
  if (!/^application\/json\b/.test(headers['content-type'] ?? '')) {
    return malformed(`the content type is "${headers['content-type'] ?? ''}"; it must be application/json`);
  }
  const aggregateVersion = Number(headers['ce_aggregateversion']);
  if (!Number.isSafeInteger(aggregateVersion) || aggregateVersion < 1) {
    return malformed('the header "ce_aggregateversion" must be a whole number from 1');
  }
  const type = headers['ce_type'] as string;
  const versions = contracts.filter((contract) => contract.type === type);
  if (versions.length === 0)
    return err({ kind: 'unknown-type', reason: `no contract has the type "${type}"` });
  const contract = versions.find((candidate) => dataSchemaUri(candidate) === headers['ce_dataschema']);
  if (!contract) {
    const known = versions.map((candidate) => candidate.version).join(', ');
    return err({
      kind: 'unknown-version',
      reason: `${type} with the schema "${headers['ce_dataschema']}" is not read here; version ${known} is`,
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(value.toString('utf8'));
  } catch (error) {
    return malformed(`the value is no JSON: ${(error as Error).message}`);
  }
  const data = contract.data.safeParse(json);
  if (!data.success) {
    return err({ kind: 'invalid-data', reason: `${type} v${contract.version}: ${issuesOf(data.error)}` });
  }
  return ok({
    id: headers['ce_id'] as string,
    type,
    schemaVersion: contract.version,
    source: (headers['ce_source'] as string).replace('/atlas/', ''),
    subject: headers['ce_subject'] as string,
    aggregateVersion,
    time: headers['ce_time'] as string,
    correlationId: headers['ce_correlationid'] ?? (headers['ce_id'] as string),
    causationId: headers['ce_causationid'],
    traceparent: headers['traceparent'],
    data: data.data,
  });
}

const malformed = (reason: string): Result<never, UndecodableEvent> => err({ kind: 'malformed', reason });

const issuesOf = (error: { issues: readonly { path: PropertyKey[]; message: string }[] }): string =>
  error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || 'data'}: ${issue.message}`)
    .join('; ');
