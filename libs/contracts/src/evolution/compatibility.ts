import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';

/** The part of JSON Schema 2020-12 that Zod writes and that is compared here; other keywords must stay the same. */
export interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly [keyword: string]: unknown;
}

/** Something a writer may write and a reader would refuse, in the words of a sentence about `path`. */
export interface Mismatch {
  /** Like `lines[].unitPrice.currency`; `data` is the whole. */
  readonly path: string;
  /** What the reader demands, as verb and complement: `is` + `required`, `must` + `be a string`. */
  readonly demand: readonly [verb: 'is' | 'must', complement: string];
  /** What the writer may do instead: `lack it`, `have 7`. */
  readonly but: string;
}

const COMPARED = [
  ...['type', 'enum', 'const', 'anyOf', 'oneOf', 'properties', 'required', 'additionalProperties', 'items'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  ...['minLength', 'minItems', 'minProperties', 'maxLength', 'maxItems', 'maxProperties'],
];
const ANNOTATIONS = ['$schema', '$id', 'id', '$comment', 'title', 'description', 'default', 'examples'];
const IGNORED = new Set([...COMPARED, ...ANNOTATIONS, 'deprecated', 'readOnly', 'writeOnly']);

/**
 * Everything that data of the writer's schema may have and the reader's schema refuses; empty if the reader takes all.
 * A writer sends no field that its schema doesn't name, though the schema would let it. Where two schemas can't be
 * compared (patterns, formats, intersections), any difference counts as a mismatch.
 */
export function mismatches(reader: JsonSchema, writer: JsonSchema, path = ''): readonly Mismatch[] {
  if (isDeepStrictEqual(reader, writer)) return [];
  const branches = writer.anyOf ?? writer.oneOf;
  if (branches) return branches.flatMap((branch) => mismatches(reader, branch, path));
  const choices = reader.anyOf ?? reader.oneOf;
  if (choices) return closest(choices.map((choice) => mismatches(choice, writer, path)));

  const values = writer.enum ?? ('const' in writer ? [writer.const] : undefined);
  if (values) return refusedValues(reader, values, path);
  const known = reader.enum ?? ('const' in reader ? [reader.const] : undefined);
  if (known) return [must(path, `be one of ${listed(known)}`, 'have something else')];

  if (reader.type !== undefined && !isWithin(reader.type, writer.type)) {
    return [must(path, `be of type ${reader.type}`, `have ${writer.type ?? 'any type'}`)];
  }
  return [
    ...limits(reader, writer, path),
    ...incomparable(reader, writer, path),
    ...inObject(reader, writer, path),
    ...(reader.items ? mismatches(reader.items, writer.items ?? {}, `${path}[]`) : []),
  ];
}

const must = (path: string, complement: string, but: string): Mismatch => ({
  path: path || 'data',
  demand: ['must', complement],
  but,
});

const listed = (values: readonly unknown[]) => values.map((value) => JSON.stringify(value)).join(', ');

const isWithin = (reader: string, writer: string | undefined) =>
  reader === writer || (reader === 'number' && writer === 'integer');

/** Of several ways to read, the one that fits best: what is wrong with it is most likely what was changed. */
const closest = (attempts: readonly (readonly Mismatch[])[]): readonly Mismatch[] =>
  attempts.reduce((best, attempt) => (attempt.length < best.length ? attempt : best));

function refusedValues(reader: JsonSchema, values: readonly unknown[], path: string): Mismatch[] {
  const accepted = z.fromJSONSchema(reader as Parameters<typeof z.fromJSONSchema>[0]);
  const refused = values.filter((value) => !accepted.safeParse(value).success);
  if (refused.length === 0) return [];
  const known = reader.enum ?? ('const' in reader ? [reader.const] : undefined);
  const demand = known ? `be one of ${listed(known)}` : `be as ${JSON.stringify(reader)} says`;
  return [must(path, demand, `have ${listed(refused)}`)];
}

function limits(reader: JsonSchema, writer: JsonSchema, path: string): Mismatch[] {
  const found: Mismatch[] = [];
  for (const [keyword, words] of Object.entries(LEAST)) {
    const [least, written] = [lower(reader, keyword), lower(writer, keyword)];
    if (least !== undefined && !(written !== undefined && written >= least)) {
      found.push(must(path, `${words} at least ${least}`, `have ${written ?? 'less'}`));
    }
  }
  for (const [keyword, words] of Object.entries(MOST)) {
    const [most, written] = [upper(reader, keyword), upper(writer, keyword)];
    if (most !== undefined && !(written !== undefined && written <= most)) {
      found.push(must(path, `${words} at most ${most}`, `have ${written ?? 'more'}`));
    }
  }
  for (const [keyword, words] of Object.entries(BEYOND)) {
    const [bound, written] = [reader[keyword], writer[keyword] ?? writer[INCLUSIVE[keyword] as string]];
    const sign = keyword === 'exclusiveMinimum' ? 1 : -1;
    if (typeof bound !== 'number') continue;
    const strict = typeof writer[keyword] === 'number';
    const fits = typeof written === 'number' && (written - bound) * sign >= (strict ? 0 : Number.MIN_VALUE);
    if (!fits)
      found.push(must(path, `${words} ${bound}`, `have ${(written as number | undefined) ?? bound}`));
  }
  const { multipleOf } = reader;
  if (
    multipleOf !== undefined &&
    !(writer.multipleOf !== undefined && writer.multipleOf % multipleOf === 0)
  ) {
    found.push(must(path, `be a multiple of ${multipleOf}`, `have something between`));
  }
  return found;
}

const LEAST = {
  minimum: 'be',
  minLength: 'be of length',
  minItems: 'have items:',
  minProperties: 'have keys:',
};
const MOST = {
  maximum: 'be',
  maxLength: 'be of length',
  maxItems: 'have items:',
  maxProperties: 'have keys:',
};
const BEYOND = { exclusiveMinimum: 'be more than', exclusiveMaximum: 'be less than' };
const INCLUSIVE: Record<string, string> = { exclusiveMinimum: 'minimum', exclusiveMaximum: 'maximum' };

const lower = (schema: JsonSchema, keyword: string) =>
  number(schema[keyword]) ?? (keyword === 'minimum' ? schema.exclusiveMinimum : undefined);
const upper = (schema: JsonSchema, keyword: string) =>
  number(schema[keyword]) ?? (keyword === 'maximum' ? schema.exclusiveMaximum : undefined);
const number = (value: unknown) => (typeof value === 'number' ? value : undefined);

function incomparable(reader: JsonSchema, writer: JsonSchema, path: string): Mismatch[] {
  return Object.keys(reader)
    .filter((keyword) => !IGNORED.has(keyword) && !isDeepStrictEqual(reader[keyword], writer[keyword]))
    .map((keyword) => {
      const [demanded, written] = [reader[keyword], writer[keyword]].map((value) => JSON.stringify(value));
      return must(
        path,
        `have the ${keyword} ${demanded}`,
        `have ${written === undefined ? 'any' : `that of ${written}`}`,
      );
    });
}

function inObject(reader: JsonSchema, writer: JsonSchema, path: string): Mismatch[] {
  const found: Mismatch[] = [];
  const at = (name: string) => (path ? `${path}.${name}` : name);
  const fields = { ...reader.properties };
  const written = { ...writer.properties };
  const others = typeof writer.additionalProperties === 'object' ? writer.additionalProperties : undefined;
  const unknown = reader.additionalProperties;

  for (const name of reader.required ?? []) {
    if (!writer.required?.includes(name)) {
      found.push({ path: at(name), demand: ['is', 'required'], but: 'lack it' });
    }
  }
  for (const [name, field] of Object.entries(fields)) {
    const from = written[name] ?? others;
    if (from) found.push(...mismatches(field, from, at(name)));
  }
  for (const [name, field] of Object.entries(written)) {
    if (name in fields) continue;
    if (unknown === false) found.push(must(at(name), 'be absent, as every unknown field', 'have it'));
    else if (typeof unknown === 'object') found.push(...mismatches(unknown, field, at(name)));
  }
  if (others && unknown === false) found.push(must(at('*'), 'be absent, as every unknown field', 'have it'));
  if (others && typeof unknown === 'object') found.push(...mismatches(unknown, others, at('*')));
  return found;
}
