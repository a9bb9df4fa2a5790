import { CloudEvent, Kafka } from 'cloudevents';
import { err, ok, type Result, shortened } from '@atlas/kernel';
import { type EventContract, type EventEnvelope, issuesOf, readData, versionsOf } from './event-contract';

/** A record on an event log: CloudEvents 1.0, Kafka protocol binding, binary mode. */
export interface EncodedEvent {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** UTF-8 JSON. */
  readonly value: Buffer;
}

/** An event without its data, as any consumer can read it, whatever type it has. */
export type EventAttributes = Omit<EventEnvelope, 'schemaVersion' | 'data'>;

/** Why a record can't be handled; `reason` is a sentence for the operator. */
export type UndecodableEvent =
  | {
      readonly kind: 'malformed' | 'unknown-version' | 'invalid-data';
      readonly reason: string;
      /** Undefined if it is no event at all. */
      readonly event?: EventAttributes;
    }
  /** Not a fault: the consumer may be older than the type, or not meant to know it. */
  | { readonly kind: 'unknown-type'; readonly reason: string; readonly event: EventAttributes };

const MAX_VALUE_BYTES = 1_048_576;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The CloudEvents `dataschema` of a contract, which names the version of the data. */
export const dataSchemaUri = ({ type, version }: { type: string; version: number }): string =>
  `urn:atlas:schema:${type}:${version}`;

/**
 * Validates an event's data against its contract and encodes the event, so that no invalid event is published.
 * @throws Error naming the event and the field if the data violates the contract, which is a bug in the publisher.
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
      // Skips the SDK's validation: these attributes come from our own code.
      false,
    ),
  );
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    // The SDK also lists attributes that the event doesn't have.
    if (value !== undefined) headers[name] = String(value);
  }
  if (event.traceparent) headers['traceparent'] = event.traceparent;
  return { key: event.subject, headers, value: Buffer.from(JSON.stringify(checked.data)) };
}

/** A record as a consumer receives it, possibly from a foreign producer that doesn't follow our contracts. */
export interface ReceivedRecord {
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer | null;
}

/**
 * Decodes a record, validates it against the contract that it names and upcasts its data to the newest version. Never
 * throws, whatever the bytes are.
 */
export type DecodeEvent = (record: ReceivedRecord) => Result<EventEnvelope, UndecodableEvent>;

/** How to read records of one event: its newest contract, and all versions by their `dataschema` URI. */
interface Reading {
  readonly contract: EventContract;
  readonly versions: ReadonlyMap<string, number>;
}

/**
 * Creates a decoder for the given events, each passed as its newest contract.
 * @throws Error if two contracts have the same type.
 */
export function decoderOf(newest: readonly EventContract[]): DecodeEvent {
  const readings = new Map<string, Reading>();
  for (const contract of newest) {
    if (readings.has(contract.type)) {
      throw new Error(
        `${contract.type} has two contracts in the catalogue: export only its newest version; older ones are its "previous"`,
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
    return malformed(`the value has ${value.length} bytes; the maximum is ${MAX_VALUE_BYTES}`);
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
    return malformed(`the header "ce_id" must be a UUID, not ${quoted(headers['ce_id'])}`);
  }
  if (headers['ce_specversion'] !== '1.0') {
    return malformed(`CloudEvents ${quoted(headers['ce_specversion'])} is not supported; only 1.0 is`);
  }
  if (!/^application\/json\b/.test(headers['content-type'] ?? '')) {
    return malformed(`the content type is ${quoted(headers['content-type'])}; it must be application/json`);
  }
  const aggregateVersion = Number(headers['ce_aggregateversion']);
  if (!Number.isSafeInteger(aggregateVersion) || aggregateVersion < 1) {
    return malformed('the header "ce_aggregateversion" must be a whole number from 1');
  }
  const type = headers['ce_type'] as string;
  const event: EventAttributes = {
    id: headers['ce_id'] as string,
    type,
    source: (headers['ce_source'] as string).replace('/atlas/', ''),
    subject: headers['ce_subject'] as string,
    aggregateVersion,
    time: headers['ce_time'] as string,
    correlationId: headers['ce_correlationid'] ?? (headers['ce_id'] as string),
    causationId: headers['ce_causationid'],
    traceparent: headers['traceparent'],
  };
  const reading = readings.get(type);
  if (!reading)
    return err({ kind: 'unknown-type', reason: `no contract has the type ${quoted(type)}`, event });
  const { contract, versions } = reading;
  const version = versions.get(headers['ce_dataschema'] as string);
  if (version === undefined) {
    const known = [...versions.values()].join(', ');
    return err({
      kind: 'unknown-version',
      reason: `${type} with the schema ${quoted(headers['ce_dataschema'])} is not supported; known versions: ${known}`,
      event,
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(value.toString('utf8'));
  } catch (error) {
    return malformed(`the value is not valid JSON: ${(error as Error).message}`, event);
  }
  const data = dataOf(contract, version, json);
  if (!data.ok) return err({ kind: 'invalid-data', reason: `${type} v${version}: ${data.error}`, event });
  return ok({ ...event, schemaVersion: contract.version, data: data.value });
}

/** An upcaster that throws is a bug in the contract, but must not stop the consumer. */
function dataOf(contract: EventContract, version: number, json: unknown): Result<unknown, string> {
  try {
    return readData(contract, version, json);
  } catch (error) {
    return err(`turning it into v${contract.version} failed: ${(error as Error).message}`);
  }
}

/** What a foreign producer wrote may have a megabyte. */
const quoted = (text = ''): string => `"${shortened(text, 100)}"`;

const malformed = (reason: string, event?: EventAttributes): Result<never, UndecodableEvent> =>
  err({ kind: 'malformed', reason, ...(event && { event }) });
