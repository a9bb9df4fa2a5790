import fc from 'fast-check';
import { z } from 'zod';
import { type JsonSchema, mismatches } from './compatibility';
import { dataOf } from './generated';

const asReader = (schema: JsonSchema) => z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);

const limit = fc.option(fc.integer({ min: -3, max: 3 }), { nil: undefined });
const size = fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined });
const within = (least: string, most: string, [a, b]: readonly (number | undefined)[]) => ({
  ...(a !== undefined && { [least]: b === undefined ? a : Math.min(a, b) }),
  ...(b !== undefined && { [most]: a === undefined ? b : Math.max(a, b) }),
});

const leaf: fc.Arbitrary<JsonSchema> = fc.oneof(
  fc.constantFrom<JsonSchema>({}, { type: 'boolean' }, { type: 'null' }, { const: 'a' }, { enum: ['a', 1] }),
  fc.subarray(['a', 'b', 'c', ''], { minLength: 1 }).map((values) => ({ type: 'string', enum: values })),
  fc
    .subarray(['string', 'integer', 'number', 'null'], { minLength: 1 })
    .map((type) => ({ type: type.length === 1 ? type[0]! : type })),
  fc.tuple(size, size).map((sizes) => ({ type: 'string', ...within('minLength', 'maxLength', sizes) })),
  fc.constantFrom('^[ab]*$', '^a+$').map((pattern) => ({ type: 'string', pattern })),
  fc.tuple(limit, limit).map((ends) => ({ type: 'integer', ...within('minimum', 'maximum', ends) })),
  fc.constantFrom(2, 3, 4).map((multipleOf) => ({ type: 'integer', multipleOf })),
  fc.tuple(limit, limit).map((ends) => ({ type: 'number', ...within('minimum', 'maximum', ends) })),
  fc.integer({ min: -3, max: 3 }).map((most) => ({ type: 'integer', exclusiveMaximum: most })),
  fc.integer({ min: -3, max: 3 }).map((least) => ({ type: 'number', exclusiveMinimum: least })),
);

const { schema: someSchema } = fc.letrec<{ schema: JsonSchema; object: JsonSchema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    leaf,
    tie('object'),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    fc
      .tuple(tie('schema'), size, size)
      .map(([items, ...sizes]) => ({ type: 'array', items, ...within('minItems', 'maxItems', sizes) })),
    tie('schema').map((values) => ({
      type: 'object',
      propertyNames: { type: 'string' },
      additionalProperties: values,
    })),
  ),
  object: fc
    .tuple(
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('schema'), { maxKeys: 3, noNullPrototype: true }),
      fc.subarray(['a', 'b', 'c']),
      fc.constantFrom({}, {}, { additionalProperties: false }),
    )
    .map(([properties, names, others]) => ({
      type: 'object',
      properties,
      required: names.filter((name) => name in properties),
      ...others,
    })),
}));

/** A schema and a variant of it that differs in one place. */
const change: fc.Arbitrary<readonly [JsonSchema, JsonSchema]> = fc
  .tuple(someSchema, someSchema, fc.infiniteStream(fc.nat(3)))
  .map(([schema, other, turns]) => [schema, changed(schema, other, turns)] as const);

function changed(schema: JsonSchema, other: JsonSchema, turns: Iterator<number, unknown>): JsonSchema {
  const turn = Number(turns.next().value);
  const inside = (part: JsonSchema) => changed(part, other, turns);
  const { properties, items, anyOf } = schema;
  const [name, ...names] = Object.keys(properties ?? {});
  if (turn === 0) return other;
  if (properties && name !== undefined) {
    const { [name]: field, ...rest } = properties;
    if (turn === 1) return { ...schema, properties: { ...rest, [name]: inside(field as JsonSchema) } };
    if (turn === 2) return { ...schema, required: names.filter((one) => schema.required?.includes(one)) };
    return { ...schema, properties: rest, required: names.filter((one) => schema.required?.includes(one)) };
  }
  if (items) return { ...schema, items: inside(items) };
  if (anyOf) return turn === 1 ? { anyOf: [...anyOf, other] } : { anyOf: anyOf.map(inside) };
  return other;
}

describe('Two schemas', () => {
  it('are compatible only if the reader accepts everything that the writer can write', () => {
    let fitting = 0;
    fc.assert(
      fc.property(change, fc.boolean(), fc.integer(), ([before, after], isBackward, seed) => {
        const [reader, writer] = isBackward ? [after, before] : [before, after];
        if (mismatches(reader, writer).length > 0) return;
        fitting += JSON.stringify(reader) === JSON.stringify(writer) ? 0 : 1;
        const read = asReader(reader);
        for (const data of fc.sample(dataOf(writer), { numRuns: 20, seed })) {
          expect({ data, refusal: read.safeParse(JSON.parse(JSON.stringify(data))).error }).toEqual({ data });
        }
      }),
      { numRuns: 1_500 },
    );
    expect(fitting).toBeGreaterThan(50);
  });

  const step = (multipleOf: number): JsonSchema => ({ type: 'integer', multipleOf });
  const map: JsonSchema = { type: 'object', additionalProperties: { type: 'string' } };
  const fields = (a: JsonSchema): JsonSchema => ({ type: 'object', properties: { a } });

  it.each<[string, JsonSchema, JsonSchema, string[]]>([
    ['a step and a longer one', step(2), step(4), []],
    ['a step and a shorter one', step(4), step(2), ['be a multiple of 4']],
    ['fields and a map that can have them', fields({ type: 'string' }), map, []],
    ['fields and a map of other values', fields({ type: 'integer' }), map, ['be of type integer']],
    ['a map and other fields', map, fields({ type: 'integer' }), ['be of type string']],
  ])('are compared: %s', (_, reader, writer, demands) => {
    expect(mismatches(reader, writer).map(({ demand: [, complement] }) => complement)).toEqual(demands);
  });

  it('are compatible if one is an alternative of the other', () => {
    fc.assert(
      fc.property(someSchema, someSchema, (schema, other) => {
        expect(mismatches({ anyOf: [other, schema] }, schema)).toEqual([]);
      }),
    );
  });
});

describe('Generated data', () => {
  it('is valid for its schema', () => {
    fc.assert(
      fc.property(someSchema, fc.integer(), (schema, seed) => {
        const read = asReader(schema);
        for (const data of fc.sample(dataOf(schema), { numRuns: 10, seed })) {
          expect({ data, refusal: read.safeParse(data).error }).toEqual({ data });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is refused for unsupported keywords and formats', () => {
    expect(() => dataOf({ not: {} })).toThrow('Can\'t generate data for the keyword "not"');
    expect(() => dataOf({ type: 'string', format: 'hostname' })).toThrow('the format "hostname"');
  });
});
