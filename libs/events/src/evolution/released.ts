import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { z } from 'zod';
import type { EventLanguage } from '../catalogue';
import { decoderOf, encodeEvent, type EncodedEvent } from '../codec';
import { type EventContract, issuesOf, versionsOf } from '../event-contract';
import { topicOf, type TopicSpec } from '../topics';
import { type JsonSchema, type Mismatch, mismatches } from './compatibility';
import { dataOf } from './generated';

/** A record in its wire format; `value` is UTF-8 text. */
export interface WireRecord {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
}

export interface Revision {
  readonly schema: JsonSchema;
  readonly records: readonly WireRecord[];
}

/** One version of an event, with every schema it was released with, oldest first. */
export interface ReleasedEvent {
  readonly type: string;
  readonly version: number;
  readonly owner: string;
  readonly aggregate: string;
  readonly revisions: readonly Revision[];
}

/** What readers rely on. */
export interface Released {
  readonly events: readonly ReleasedEvent[];
  readonly topics: readonly TopicSpec[];
}

export const fileOf = ({ type, version }: { type: string; version: number }) => `${type}.v${version}.json`;

/** The JSON Schema of what a reader accepts: unknown fields are allowed. */
export const readerSchema = (contract: EventContract): JsonSchema => schemaOf(contract, 'input');

/** The JSON Schema of what a writer can produce, with defaults applied. */
export const writerSchema = (contract: EventContract): JsonSchema => schemaOf(contract, 'output');

function schemaOf({ type, version, data }: EventContract, io: 'input' | 'output'): JsonSchema {
  try {
    return z.toJSONSchema(data, { io, reused: 'inline' }) as JsonSchema;
  } catch (error) {
    throw new Error(
      `${type} v${version} has no JSON Schema: ${(error as Error).message}. Use only types that JSON has, and no transforms.`,
      { cause: error },
    );
  }
}

/** A contract's examples as records, with fixed attributes. */
export function recordsOf(contract: EventContract): readonly WireRecord[] {
  return contract.examples.map((data, index) => {
    const encoded = encodeEvent(contract, {
      id: `01890f3e-7b0a-7cc0-98c5-dbe7c54f2a${(0x20 + index).toString(16)}`,
      type: contract.type,
      schemaVersion: contract.version,
      source: contract.owner,
      subject: '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a10',
      aggregateVersion: index + 1,
      time: '2026-01-01T10:00:00.000Z',
      correlationId: 'request-1',
      // The others cover absent causes and traces.
      ...(index === 0 && {
        causationId: '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a12',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      }),
      data,
    });
    return { ...encoded, value: encoded.value.toString('utf8') };
  });
}

/** Describes every change that would break old readers or old data; empty if it is safe to roll out. */
export function breaches(today: EventLanguage, released: Released): readonly string[] {
  return [
    ...released.topics.flatMap((topic) => topicBreaches(today, topic)),
    ...released.events.flatMap((event) => eventBreaches(today, event)),
    ...today.contracts
      .flatMap(versionsOf)
      .flatMap((contract) => [...strictness(contract), ...wrongExamples(contract)]),
  ];
}

/**
 * In which order what is not yet released can be deployed: an event of a new type is passed over by readers that don't know
 * it, but a version that a reader of its type doesn't know becomes a dead letter.
 */
export function deploymentOf(today: EventLanguage, released: Released): readonly string[] {
  return today.contracts
    .filter((contract) => !released.events.some((event) => isSame(event, contract)))
    .map((contract) => {
      const name = `${contract.type} v${contract.version}`;
      const isKnown = released.events.some(({ type }) => type === contract.type);
      return isKnown
        ? `${name} is a new version: deploy every service that handles ${contract.type} before the one that writes it.`
        : `${name} is a new event: deploy its readers and its writer in any order; a reader misses what it passed over before.`;
    });
}

/** Describes what is in the contracts but not yet released. */
export function unreleased(today: EventLanguage, released: Released): readonly string[] {
  const next = release(today, released);
  const news = next.events
    .filter((event) => !released.events.some((known) => isDeepStrictEqual(known, event)))
    .map((event) => `${event.type} v${event.version}`);
  const topics = next.topics
    .filter((topic) => !released.topics.some((known) => isDeepStrictEqual(known, topic)))
    .map((topic) => `the topic ${topic.name}`);
  return [...news, ...topics].map(
    (name) =>
      `${name} is not released in its current form: run "npm run contracts:release" and commit what it writes.`,
  );
}

/**
 * Adds the current schemas to the released ones: a changed schema becomes a new revision, a new example a new record of
 * its revision. Nothing is overwritten.
 */
export function release(today: EventLanguage, released: Released): Released {
  const current = today.contracts.flatMap(versionsOf).map((contract): ReleasedEvent => {
    const known = released.events.find((event) => isSame(event, contract))?.revisions ?? [];
    const { type, version, owner, aggregate } = contract;
    return { type, version, owner, aggregate, revisions: withToday(contract, known) };
  });
  const gone = released.events.filter((event) => !current.some((contract) => isSame(event, contract)));
  return { events: [...gone, ...current], topics: today.topics };
}

function withToday(contract: EventContract, known: readonly Revision[]): readonly Revision[] {
  const schema = readerSchema(contract);
  const records = recordsOf(contract);
  const last = known.at(-1);
  if (!last || !isDeepStrictEqual(last.schema, schema)) return [...known, { schema, records }];
  const news = records.filter(({ value }) => !last.records.some((record) => record.value === value));
  return [...known.slice(0, -1), { schema, records: [...last.records, ...news] }];
}

const isSame = (a: { type: string; version: number }, b: { type: string; version: number }) =>
  a.type === b.type && a.version === b.version;

function topicBreaches(today: EventLanguage, released: TopicSpec): string[] {
  const topic = today.topics.find(({ name }) => name === released.name);
  if (!topic) {
    return [
      `The topic ${released.name} is gone; its remaining records would never be read. Put it back into topics.ts.`,
    ];
  }
  if (topic.partitions === released.partitions) return [];
  return [
    `The topic ${released.name} has ${topic.partitions} partitions now, but was released with ${released.partitions}; ` +
      'later events of an aggregate would go to another partition and could overtake its earlier ones. ' +
      `Keep ${released.partitions}, or create a topic with another name and move its readers there.`,
  ];
}

function eventBreaches(today: EventLanguage, released: ReleasedEvent): string[] {
  const name = `${released.type} v${released.version}`;
  const newest = today.contracts.find(({ type }) => type === released.type);
  if (!newest) {
    return [
      `${name} is gone; records of it can be in the log and would be passed over. Put its contract back. ` +
        `If no topic, archive or dead letter holds one any more, delete ${fileOf(released)}.`,
    ];
  }
  const contract = versionsOf(newest).find(({ version }) => version === released.version);
  if (!contract) {
    return [
      `${name} is no longer read; records of it can be in the log and would be parked. ` +
        `Keep its contract as "previous" of version ${released.version + 1}. ` +
        `If no topic, archive or dead letter holds one any more, delete ${fileOf(released)}.`,
    ];
  }
  const found: string[] = [];
  if (contract.owner !== released.owner) {
    found.push(
      `${name} now belongs to ${contract.owner}; its readers wait for it in the topic ${topicOf(released.owner)}. ` +
        `Keep the owner ${released.owner}, or define another event.`,
    );
  }
  if (contract.aggregate !== released.aggregate) {
    found.push(
      `${name} is now about a ${contract.aggregate}, no longer about a ${released.aggregate}; records of one aggregate ` +
        `are in order by that key. Keep the aggregate ${released.aggregate}, or define another event.`,
    );
  }
  const wayOut = `or define version ${newest.version + 1} with an upcaster.`;
  for (const revision of released.revisions) {
    const old = oldDataBreaches(newest, contract, revision);
    // Only the newest version is written.
    const readers = contract === newest ? oldReaderBreaches(contract, revision) : [];
    found.push(...[...old, ...readers].map((sentence) => `${name}: ${sentence}, ${wayOut}`));
    if (contract === newest) {
      found.push(...wireBreaches(contract, revision).map((sentence) => `${name}: ${sentence}`));
    }
  }
  return [...new Set(found)];
}

/**
 * Backward: what a current reader rejects. Records and generated data cover what schemas can't express, such as
 * refinements; where the schemas differ, they would report the same less precisely.
 */
function oldDataBreaches(newest: EventContract, contract: EventContract, revision: Revision): string[] {
  const { schema, records } = revision;
  const found = mismatches(readerSchema(contract), schema).map(backward);
  if (found.length > 0) return found;
  const decode = decoderOf([newest]);
  for (const record of records) {
    const decoded = decode(received(record));
    if (!decoded.ok) found.push(`a record released before is refused now: ${decoded.error.reason}. Take it`);
  }
  const [model] = records;
  if (found.length > 0 || !model) return found;
  const refused = counterexample(schema, (value) => {
    const decoded = decode(received({ ...model, value }));
    return decoded.ok ? undefined : decoded.error.reason;
  });
  if (!refused) return [];
  const { data, reason } = refused;
  return [`${data} was allowed by the released schema and is refused now: ${reason}. Take it`];
}

/** Forward: what a current writer can publish but earlier readers reject. */
function oldReaderBreaches(contract: EventContract, { schema }: Revision): string[] {
  const found = mismatches(schema, writerSchema(contract)).map(forward);
  if (found.length > 0) return found;
  const oldReader = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  const refusal = (data: unknown) => {
    const written = contract.data.safeParse(data);
    if (!written.success) return undefined;
    const { error } = oldReader.safeParse(written.data);
    return error && issuesOf(error);
  };
  const refused = counterexample(writerSchema(contract), (value) => refusal(JSON.parse(value)));
  if (!refused) return [];
  const { data, reason } = refused;
  return [
    `readers released before refuse ${data}, which can be published now: ${reason}. Write what they accept`,
  ];
}

/** What the codec would encode differently: readers also rely on keys and headers. */
function wireBreaches(contract: EventContract, { records }: Revision): string[] {
  const decode = decoderOf([contract]);
  return records.flatMap((record) => {
    const decoded = decode(received(record));
    if (!decoded.ok) return [];
    const { key, headers } = encodeEvent(contract, decoded.value);
    const found = Object.entries(record.headers)
      // Formerly written for absent attributes; never read.
      .filter(([name, text]) => text !== 'undefined' && headers[name] !== text)
      .map(([name, text]) => {
        const now = headers[name] === undefined ? 'is missing' : `is "${headers[name]}"`;
        return `the header "${name}" of a released record was "${text}" and ${now} now. Write what its readers know.`;
      });
    if (key === record.key) return found;
    return [
      ...found,
      `a record released with the key "${record.key}" has "${key}" now; later events of an aggregate could overtake ` +
        'its earlier ones. Keep the key.',
    ];
  });
}

/** Minimal data that is valid for the schema but refused; deterministic. */
function counterexample(
  schema: JsonSchema,
  refusal: (json: string) => string | undefined,
): { data: string; reason: string } | undefined {
  let data: fc.Arbitrary<string>;
  try {
    data = dataOf(schema).map((some) => JSON.stringify(some));
  } catch {
    // Then only the schema comparison and the records apply.
    return undefined;
  }
  const { counterexample: found } = fc.check(
    fc.property(data, (json) => refusal(json) === undefined),
    { seed: 1, numRuns: 100 },
  );
  return found ? { data: found[0], reason: refusal(found[0]) as string } : undefined;
}

/** Old data, new reader. */
function backward({ path, demand: [verb, complement], but }: Mismatch): string {
  const remedy = verb === 'is' ? 'Make it optional' : 'Accept what was allowed before too';
  return `${path} ${verb} now ${complement}; data released before may ${but}. ${remedy}`;
}

/** New data, old reader. */
function forward({ path, demand: [verb, complement], but }: Mismatch): string {
  const remedy = verb === 'is' ? 'Keep it required' : 'Write only what they accept';
  return `${path} ${verb} ${complement} for readers released before; new data may ${but}. ${remedy}`;
}

/** A reader that rejects unknown fields would break when a writer adds a field. */
function strictness(contract: EventContract): string[] {
  const strict = (schema: unknown): boolean =>
    typeof schema === 'object' &&
    schema !== null &&
    (('additionalProperties' in schema && schema.additionalProperties === false) ||
      Object.values(schema).some(strict));
  if (!strict(readerSchema(contract))) return [];
  return [
    `${contract.type} v${contract.version} refuses unknown fields, so that no field could ever be added. ` +
      'Use z.object instead of z.strictObject.',
  ];
}

function wrongExamples({ type, version, data, examples }: EventContract): string[] {
  const errors = examples.flatMap((example) => data.safeParse(example).error ?? []);
  return errors
    .slice(0, 1)
    .map(
      (error) =>
        `${type} v${version} has an example that breaks its own schema: ${issuesOf(error)}. Correct it.`,
    );
}

export const received = (record: WireRecord): EncodedEvent => ({
  ...record,
  value: Buffer.from(record.value, 'utf8'),
});
