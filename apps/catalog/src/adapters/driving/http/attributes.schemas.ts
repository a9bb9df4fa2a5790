import { z } from 'zod';

const MAX_ATTRIBUTES = 100;
const MAX_BYTES = 65_536;

/** Without dots, which separate a group from its attributes in filters. */
const NAME = '[a-z][A-Za-z0-9]{0,39}';

const attributeName = z.string().regex(new RegExp(`^${NAME}$`));
const ABOUT_NAMES = 'An attribute name has 1 to 40 letters and digits, and begins with a small letter';

const text = z.string().max(1_000);
const number = z
  .number()
  .refine((value) => !Number.isInteger(value) || Number.isSafeInteger(value), 'It is too large to be exact');
const scalar = z.union([text, number, z.boolean()]);
const WHAT = 'a text of up to 1,000 characters, a number, or true or false';
const value = z.union(
  [scalar, z.array(scalar).max(100)],
  `It must be ${WHAT}, or a list of up to 100 of them`,
);

const record = <Value extends z.ZodType>(values: Value) =>
  z
    .record(attributeName, values, {
      error: ({ code }) => (code === 'invalid_key' ? ABOUT_NAMES : undefined),
    })
    .refine(
      (attributes) => Object.keys(attributes).length <= MAX_ATTRIBUTES,
      `There are more than ${MAX_ATTRIBUTES}; leave some out`,
    );

export const attributes = record(
  z.union(
    [value, record(value)],
    `It must be ${WHAT}, a list of up to 100 of them, or a group of such attributes`,
  ),
).refine(
  (all) => Buffer.byteLength(JSON.stringify(all)) <= MAX_BYTES,
  `They are larger than ${MAX_BYTES / 1_024} KiB together; shorten them`,
);

/** A filter, `roast:dark`, or `size.width:30` for one in a group. */
export const wantedAttribute = z
  .string()
  .max(300)
  .regex(
    new RegExp(`^${NAME}(?:\\.${NAME})?:.`, 's'),
    'A filter is a name, a colon and a value, such as roast:dark or size.width:30',
  );

const described = {
  title: z.string().min(1).max(200).optional(),
  description: z.string().min(1).max(1_000).optional(),
};

const count = z.int().min(0).max(1_000);

/** Refuses bounds that no value can satisfy. */
const inOrder =
  <Low extends string, High extends string>(low: Low, high: High) =>
  (schema: Readonly<Partial<Record<Low | High, number | undefined>>>, context: z.RefinementCtx): void => {
    const { [low]: least = -Infinity, [high]: most = Infinity } = schema;
    if (least > most) context.addIssue({ code: 'custom', path: [low], message: `It is more than ${high}` });
  };

const scalarSchema = z.discriminatedUnion('type', [
  z
    .strictObject({
      type: z.literal('string'),
      ...described,
      enum: z.array(z.string().min(1).max(200)).min(1).max(200).optional(),
      minLength: count.optional(),
      maxLength: count.optional(),
      pattern: z
        .string()
        .min(1)
        .max(200)
        .optional()
        .describe('In the syntax of RE2: without lookaround and back-references'),
    })
    .superRefine(inOrder('minLength', 'maxLength')),
  z
    .strictObject({
      type: z.enum(['number', 'integer']),
      ...described,
      enum: z.array(number).min(1).max(200).optional(),
      minimum: number.optional(),
      maximum: number.optional(),
    })
    .superRefine(inOrder('minimum', 'maximum')),
  z.strictObject({ type: z.literal('boolean'), ...described }),
]);

const listSchema = z
  .strictObject({
    type: z.literal('array'),
    ...described,
    items: scalarSchema,
    minItems: count.optional(),
    maxItems: count.optional(),
    uniqueItems: z.boolean().optional(),
  })
  .superRefine(inOrder('minItems', 'maxItems'));

const object = <Properties extends z.ZodType>(properties: Properties) => ({
  type: z.literal('object'),
  properties: record(properties),
  required: z.array(attributeName).max(MAX_ATTRIBUTES).optional(),
  additionalProperties: z.literal(false).default(false),
});

interface WithRequired {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[] | undefined;
}

/** Requires each attribute once, and only those that there are. */
const requiresOwn = ({ properties, required = [] }: WithRequired, context: z.RefinementCtx): void => {
  for (const [index, name] of required.entries()) {
    const at = (message: string) => context.addIssue({ code: 'custom', path: ['required', index], message });
    if (!Object.hasOwn(properties, name)) at(`"${name}" is none of the properties`);
    else if (required.indexOf(name) < index) at(`"${name}" is listed twice; list it once`);
  }
};

const groupSchema = z
  .strictObject({ ...object(z.discriminatedUnion('type', [scalarSchema, listSchema])), ...described })
  .superRefine(requiresOwn);

export const attributesSchema = z
  .strictObject({
    $schema: z.literal('https://json-schema.org/draft/2020-12/schema').optional(),
    ...object(z.discriminatedUnion('type', [scalarSchema, listSchema, groupSchema])),
  })
  .superRefine(requiresOwn)
  .refine(
    (schema) => Buffer.byteLength(JSON.stringify(schema)) <= MAX_BYTES,
    `It is larger than ${MAX_BYTES / 1_024} KiB; shorten it`,
  );
