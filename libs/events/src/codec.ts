import { CloudEvent, Kafka } from 'cloudevents';
import { err, ok, type Result } from '@atlas/kernel';
import { type EventContract, type EventEnvelope, issuesOf, readData, versionsOf } from './event-contract';

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

/** CloudEvents `dataschema` of a contract: says which version the data was written in. */
export const dataSchemaUri = ({ type, version }: { type: string; version: number }): string =>
  `urn:atlas:schema:${type}:${version}`;

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
  for (const [name, value] of Object.entries(message.headers)) {
    // The SDK names attributes, too, that the event doesn't have.
    if (value !== undefined) headers[name] = String(value);
  }
  if (event.traceparent) headers['traceparent'] = event.traceparent;
  return { key: event.subject, headers, value: Buffer.from(JSON.stringify(checked.data)) };
}

/** A record as a consumer gets it, perhaps made by somebody who knows nothing of our contracts. */
export interface ReceivedRecord {
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer | null;
}

/**
 * Decodes a record, checks it against the contract that it names and turns its data into the newest version.
 * Never throws, whatever the bytes are.
 */
export type DecodeEvent = (record: ReceivedRecord) => Result<EventEnvelope, UndecodableEvent>;

/** How the records of one event are read: its newest contract, and every version by the URI that records name. */
interface Reading {
  readonly contract: EventContract;
  readonly versions: ReadonlyMap<string, number>;
}

/**
 * Makes the decoder of some events, each given by its newest contract.
 * @throws Error if two contracts have the same type.
 */
export function decoderOf(newest: readonly EventContract[]): DecodeEvent {
  const readings = new Map<string, Reading>();
  for (const contract of newest) {
    if (readings.has(contract.type)) {
      throw new Error(
        `${contract.type} has two contracts in the catalogue: export its newest version alone, the older ones are its "previous"`,
      );
    }
    const versions = new Map(versionsOf(contract).map((older) => [dataSchemaUri(older), older.version]));
    readings.set(contract.type, { contract, versions });
  }
  return (record) => decode(readings, record);
}

function decode(
  readings: ReadonlyMap<string, Reading>,
  record: ReceivedRecord,
): Result<EventEnvelope, UndecodableEvent> {
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
  const reading = readings.get(type);
  if (!reading) return err({ kind: 'unknown-type', reason: `no contract has the type "${type}"` });
  const { contract, versions } = reading;
  const version = versions.get(headers['ce_dataschema'] as string);
  if (version === undefined) {
    const known = [...versions.values()].join(', ');
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
  const data = dataOf(contract, version, json);
  if (!data.ok) return err({ kind: 'invalid-data', reason: `${type} v${version}: ${data.error}` });
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
    data: data.value,
  });
}

/** An upcaster that throws is a defect of the contract, but must not stop the consumer. */
function dataOf(contract: EventContract, version: number, json: unknown): Result<unknown, string> {
  try {
    return readData(contract, version, json);
  } catch (error) {
    return err(`turning it into v${contract.version} failed: ${(error as Error).message}`);
  }
}

const malformed = (reason: string): Result<never, UndecodableEvent> => err({ kind: 'malformed', reason });
