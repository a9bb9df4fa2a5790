import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';

/** The subset of JSON Schema 2020-12 that Zod emits and this module compares; other keywords must not change. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
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

/** Something a writer may write but a reader would reject, as parts of a sentence about `path`. */
export interface Mismatch {
  /** Such as `lines[].unitPrice.currency`; `data` is the root. */
  readonly path: string;
  /** What the reader requires, as verb and complement: `is` + `required`, `must` + `be a string`. */
  readonly demand: readonly [verb: 'is' | 'must', complement: string];
  /** What the writer may do instead: `lack it`, `have 7`. */
  readonly but: string;
}

/** The keywords that are compared or have no effect on validation. A difference in any other keyword is a mismatch. */
export const COMPARED: ReadonlySet<string> = new Set([
  ...['type', 'enum', 'const', 'anyOf', 'oneOf', 'properties', 'required', 'additionalProperties', 'items'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  ...['minLength', 'minItems', 'minProperties', 'maxLength', 'maxItems', 'maxProperties'],
  ...['$schema', '$id', 'id', '$comment', 'title', 'description', 'default', 'examples'],
  ...['deprecated', 'readOnly', 'writeOnly'],
]);

/**
 * Everything that the writer's schema allows and the reader's rejects; empty if the reader accepts everything. A writer
 * is assumed to send only fields that its schema names. Where two schemas can't be compared (patterns, formats,
 * intersections), any difference counts as a mismatch.
 */
export function mismatches(reader: JsonSchema, writer: JsonSchema, path = ''): readonly Mismatch[] {
  if (isDeepStrictEqual(reader, writer)) return [];
  const branches = branchesOf(writer);
  if (branches) return branches.flatMap((branch) => mismatches(reader, branch, path));
  const values = writer.enum ?? ('const' in writer ? [writer.const] : undefined);
  if (values) return refusedValues(reader, values, path);
  const choices = branchesOf(reader);
  if (choices) return inChoices(choices, writer, path);
  const known = reader.enum ?? ('const' in reader ? [reader.const] : undefined);
  if (known) return [must(path, `be one of ${listed(known)}`, 'have something else')];

  if (!isWithin(reader, writer)) {
    return [must(path, `be of type ${kindOf(reader)}`, `have ${kindOf(writer)}`)];
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

/** The flattened alternatives of a union; undefined if the schema is not a union. */
export function branchesOf({ anyOf, oneOf, type, ...rest }: JsonSchema): readonly JsonSchema[] | undefined {
  const branches =
    typeof type === 'object'
      ? type.map((one) => ({ ...rest, type: one }))
      : (anyOf ?? oneOf)?.map((branch) => ({ ...rest, ...(type && { type }), ...branch }));
  return branches?.flatMap((branch) => branchesOf(branch) ?? [branch]);
}

const isWithin = (reader: JsonSchema, writer: JsonSchema) =>
  reader.type === undefined ||
  reader.type === writer.type ||
  (reader.type === 'number' && writer.type === 'integer');

/** The fields with a single allowed value, such as a union's discriminator. */
const tagsOf = ({ properties }: JsonSchema): ReadonlyMap<string, unknown> =>
  new Map(
    Object.entries(properties ?? {}).flatMap(([name, field]) =>
      'const' in field ? [[name, field.const] as const] : [],
    ),
  );

function kindOf(schema: JsonSchema): string {
  const tags = [...tagsOf(schema)].map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  const type = String(schema.type ?? 'any type');
  return tags.length > 0 ? `${type} with ${tags.join(' and ')}` : type;
}

/** The mismatches of the best-matching alternative, which is most likely the one that was changed. */
function inChoices(choices: readonly JsonSchema[], writer: JsonSchema, path: string): readonly Mismatch[] {
  const tags = tagsOf(writer);
  const kin = choices.filter(
    (choice) =>
      isWithin(choice, writer) &&
      [...tagsOf(choice)].every(
        ([name, value]) => !tags.has(name) || isDeepStrictEqual(tags.get(name), value),
      ),
  );
  if (kin.length === 0) {
    return [must(path, `be of type ${choices.map(kindOf).join(' or ')}`, `have ${kindOf(writer)}`)];
  }
  return kin
    .map((choice) => mismatches(choice, writer, path))
    .reduce((best, attempt) => (attempt.length < best.length ? attempt : best));
}

function refusedValues(reader: JsonSchema, values: readonly unknown[], path: string): Mismatch[] {
  const accepted = z.fromJSONSchema(reader as Parameters<typeof z.fromJSONSchema>[0]);
  const refused = values.filter((value) => !accepted.safeParse(value).success);
  if (refused.length === 0) return [];
  const known = reader.enum ?? ('const' in reader ? [reader.const] : undefined);
  const demand = known ? `be one of ${listed(known)}` : `be as ${JSON.stringify(reader)} says`;
  return [must(path, demand, `have ${listed(refused)}`)];
}

/** Keywords that limit a number: the side, the wording, and the exclusive variant. */
const LIMITS: readonly (readonly [keyword: string, side: 1 | -1, words: string, open?: string])[] = [
  ['minimum', 1, 'be', 'exclusiveMinimum'],
  ['minLength', 1, 'be of length'],
  ['minItems', 1, 'have items:'],
  ['minProperties', 1, 'have keys:'],
  ['maximum', -1, 'be', 'exclusiveMaximum'],
  ['maxLength', -1, 'be of length'],
  ['maxItems', -1, 'have items:'],
  ['maxProperties', -1, 'have keys:'],
];

function limits(reader: JsonSchema, writer: JsonSchema, path: string): Mismatch[] {
  const found: Mismatch[] = [];
  for (const [keyword, side, words, open] of LIMITS) {
    const demanded = limitOf(reader, keyword, side, open);
    if (!demanded) continue;
    const written = limitOf(writer, keyword, side, open);
    const distance = written ? (written.value - demanded.value) * side : -Infinity;
    if (distance > 0 || (distance === 0 && (written?.isOpen || !demanded.isOpen))) continue;
    const least = demanded.isOpen ? 'more than' : 'at least';
    const most = demanded.isOpen ? 'less than' : 'at most';
    found.push(
      must(
        path,
        `${words} ${side === 1 ? least : most} ${demanded.value}`,
        `have ${written?.value ?? (side === 1 ? 'less' : 'more')}`,
      ),
    );
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

/**
 * The narrower of a limit and its exclusive variant; for integers, the exclusive one is converted to an inclusive one.
 */
export function limitOf(
  schema: JsonSchema,
  keyword: string,
  side: 1 | -1,
  open = '',
): { value: number; isOpen: boolean } | undefined {
  const [closed, beyond] = [schema[keyword], schema[open]];
  const isWhole = schema.type === 'integer';
  const all = [
    ...(typeof closed === 'number' ? [{ value: closed, isOpen: false }] : []),
    ...(typeof beyond === 'number'
      ? [{ value: isWhole ? (Math.floor(beyond * side) + 1) * side : beyond, isOpen: !isWhole }]
      : []),
  ];
  return all.sort((a, b) => (b.value - a.value) * side || Number(b.isOpen) - Number(a.isOpen))[0];
}

function incomparable(reader: JsonSchema, writer: JsonSchema, path: string): Mismatch[] {
  return Object.keys(reader)
    .filter((keyword) => !COMPARED.has(keyword) && !isDeepStrictEqual(reader[keyword], writer[keyword]))
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
