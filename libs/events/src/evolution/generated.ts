import fc from 'fast-check';
import { z } from 'zod';
import { branchesOf, COMPARED, type JsonSchema, limitOf } from './compatibility';

/** A sample of strings that match the pattern, because some of them may violate the length limits. */
const CANDIDATES = 50;
const ALSO_KNOWN = new Set(['pattern', 'format', 'contentEncoding', 'propertyNames', 'prefixItems']);

/**
 * Generates valid data for a schema, with only the fields that it names.
 * @throws Error naming the keyword or pattern that is not supported.
 */
export function dataOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const unknown = Object.keys(schema).find((keyword) => !COMPARED.has(keyword) && !ALSO_KNOWN.has(keyword));
  if (unknown) throw new Error(`Can't generate data for the keyword "${unknown}"`);
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const branches = branchesOf(schema);
  if (branches) return fc.oneof(...branches.map(dataOf));
  switch (schema.type) {
    case 'string':
      return textOf(schema);
    case 'integer':
    case 'number':
      return numberOf(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return listOf(schema);
    case 'object':
      return objectOf(schema);
    case undefined:
      return fc.jsonValue({ maxDepth: 2 });
    default:
      throw new Error(`Can't generate data for the type ${JSON.stringify(schema.type)}`);
  }
}

function textOf(schema: JsonSchema): fc.Arbitrary<string> {
  const { pattern, format } = schema;
  if (pattern === undefined && format === undefined) {
    // One code unit each, so that Zod and JSON Schema count the same length.
    return fc.string({ unit: fc.constantFrom(...'aZ7 -_."\\\n\u0000ß€'), ...lengths(schema, 'Length') });
  }
  const candidates =
    typeof pattern === 'string'
      ? fc.stringMatching(new RegExp(pattern))
      : format === 'uri'
        ? fc.webUrl()
        : undefined;
  if (!candidates) throw new Error(`Can't generate text for the format ${JSON.stringify(format)}`);
  const accepted = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  const fitting = fc
    .sample(candidates, { numRuns: CANDIDATES, seed: 1 })
    .filter((text) => accepted.safeParse(text).success);
  if (fitting.length === 0) throw new Error(`Can't generate text for ${JSON.stringify(schema)}`);
  return fc.constantFrom(...fitting);
}

function numberOf(schema: JsonSchema): fc.Arbitrary<number> {
  const least = limitOf(schema, 'minimum', 1, 'exclusiveMinimum');
  const most = limitOf(schema, 'maximum', -1, 'exclusiveMaximum');
  if (schema.type === 'integer') {
    const step = schema.multipleOf ?? 1;
    return fc
      .integer({
        min: Math.ceil((least?.value ?? Number.MIN_SAFE_INTEGER) / step),
        max: Math.floor((most?.value ?? Number.MAX_SAFE_INTEGER) / step),
      })
      .map((steps) => steps * step);
  }
  if (schema.multipleOf) throw new Error('Can\'t generate data for "multipleOf" with non-integers');
  return fc.double({
    noNaN: true,
    noDefaultInfinity: true,
    ...(least && { min: least.value, minExcluded: least.isOpen }),
    ...(most && { max: most.value, maxExcluded: most.isOpen }),
  });
}

function listOf(schema: JsonSchema): fc.Arbitrary<unknown[]> {
  const { prefixItems, items } = schema;
  if (!prefixItems) return fc.array(dataOf(items ?? {}), lengths(schema, 'Items'));
  return fc.tuple(...(prefixItems as JsonSchema[]).map(dataOf));
}

function objectOf(schema: JsonSchema): fc.Arbitrary<object> {
  if ('minProperties' in schema || 'maxProperties' in schema) {
    throw new Error('Can\'t generate data for "minProperties" and "maxProperties"');
  }
  const { properties, required = [], additionalProperties } = schema;
  const others = typeof additionalProperties === 'object' ? dataOf(additionalProperties) : undefined;
  const fields = new Map(required.map((name) => [name, others ?? dataOf({})]));
  for (const [name, field] of Object.entries(properties ?? {})) fields.set(name, dataOf(field));
  const named = fc.record(Object.fromEntries(fields), { requiredKeys: [...required], noNullPrototype: true });
  if (!others) return named;
  const key = dataOf((schema['propertyNames'] as JsonSchema | undefined) ?? { type: 'string' });
  const extra = fc.dictionary(key as fc.Arbitrary<string>, others, { maxKeys: 3, noNullPrototype: true });
  return fc.tuple(extra, named).map(([some, known]) => {
    const free = Object.entries(some).filter(([name]) => !fields.has(name));
    return { ...Object.fromEntries(free), ...known };
  });
}

function lengths(schema: JsonSchema, of: 'Length' | 'Items') {
  const [minLength, maxLength] = [schema[`min${of}`], schema[`max${of}`]];
  return {
    ...(typeof minLength === 'number' && { minLength }),
    ...(typeof maxLength === 'number' && { maxLength }),
  };
}
