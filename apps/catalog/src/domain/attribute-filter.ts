import type { Attributes, Scalar } from './attributes';
import type { AttributesSchema, ScalarSchema } from './attributes-schema';

/** A value that an attribute must have, as a request states it: `roast`, `dark`. */
export interface WantedAttribute {
  /** The attribute's name; in a group, the group's and its own. */
  readonly path: readonly string[];
  readonly text: string;
}

/** A product matches if its attributes contain one of these. */
export type AttributeFilter = readonly Attributes[];

/** For products of any category, where the attribute may be a text, a number or a truth value, or a list of them. */
export function filterFor({ path, text }: WantedAttribute): AttributeFilter {
  const values = [text, numberOf(text), truthOf(text)].filter((value) => value !== undefined);
  return values.flatMap((value) => [nested(path, value), nested(path, [value])]);
}

/**
 * For products of one category, whose schema says what the attribute is.
 * @returns why no product can match, as a sentence, if that is so.
 */
export function filterWithin(schema: AttributesSchema, wanted: WantedAttribute): AttributeFilter | string {
  const { path, text } = wanted;
  const found = schemaAt(schema, path);
  if (!found) {
    return `The category has no attribute "${path.join('.')}" to filter by; it has ${namesIn(schema).join(', ') || 'none'}`;
  }
  const { item, isList } = found;
  const value = valueOf(item, text);
  if (value === undefined)
    return `"${path.join('.')}" must be of the type ${item.type}, and "${text}" is not`;
  return [nested(path, isList ? [value] : value)];
}

function schemaAt(
  schema: AttributesSchema,
  [first = '', ...rest]: readonly string[],
): { item: ScalarSchema; isList: boolean } | undefined {
  const outer = own(schema.properties, first);
  const isGroup = outer?.type === 'object';
  const found = isGroup ? own(outer.properties, rest[0] ?? '') : outer;
  if (!found || rest.length !== (isGroup ? 1 : 0)) return undefined;
  return found.type === 'array' ? { item: found.items, isList: true } : { item: found, isList: false };
}

/** The names by which attributes can be filtered. */
const namesIn = ({ properties }: AttributesSchema): readonly string[] =>
  Object.entries(properties).flatMap(([name, schema]) =>
    schema.type === 'object' ? Object.keys(schema.properties).map((inner) => `${name}.${inner}`) : [name],
  );

function valueOf({ type }: ScalarSchema, text: string): Scalar | undefined {
  switch (type) {
    case 'string':
      return text;
    case 'number':
    case 'integer':
      return numberOf(text);
    case 'boolean':
      return truthOf(text);
  }
}

const numberOf = (text: string): number | undefined =>
  /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined;

const truthOf = (text: string): boolean | undefined =>
  text === 'true' ? true : text === 'false' ? false : undefined;

const nested = (path: readonly string[], value: unknown): Attributes =>
  path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Attributes;

const own = <Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;
