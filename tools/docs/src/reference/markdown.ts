/** A Markdown table; `|` and line breaks in cells are escaped. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replace(/\|/g, '\\|').replace(/\s*\n\s*/g, ' ')).join(' | ')} |`;
  return [line(heading), line(heading.map(() => '---')), ...rows.map(line)].join('\n');
}

export const json = (value: unknown): string => `\`\`\`json\n${JSON.stringify(value, undefined, 2)}\n\`\`\``;

/** The parts of a page that say something, with an empty line between them. */
export const paragraphs = (...parts: readonly (string | undefined | false)[]): string =>
  `${parts.filter((part) => part).join('\n\n')}\n`;

export const code = (text: string): string => `\`${text}\``;

/** A JSON Schema, as far as contracts and APIs use it. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly [keyword: string]: unknown;
}

const LIMITS = [
  'format',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minimum',
  'maximum',
  'pattern',
  'default',
];

/** Patterns of UUIDs and the bounds of safe integers say nothing that their formats don't. */
const isNoise = (keyword: string, value: unknown): boolean =>
  (keyword === 'pattern' && String(value).length > 60) || Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER;

function typeOf(schema: Schema): string {
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return [...new Set(options.map(typeOf))].join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(', ');
  if (schema.type === 'array' && schema.items) return `list of ${typeOf(schema.items)}`;
  return [schema.type ?? 'any'].flat().join(' or ');
}

const limitsOf = (schema: Schema): string =>
  LIMITS.filter((keyword) => schema[keyword] !== undefined && !isNoise(keyword, schema[keyword]))
    .map((keyword) => `${keyword} ${code(String(schema[keyword]))}`)
    .join(', ');

/** The fields of an object, those of objects in it below them. */
export function fieldRows(
  schema: Schema,
  resolve: (schema: Schema) => Schema = (same) => same,
  prefix = '',
): readonly (readonly string[])[] {
  const whole = resolve(schema);
  if (whole.type === 'array' && whole.items) return fieldRows(whole.items, resolve, `${prefix}[]`);
  return Object.entries(whole.properties ?? {}).flatMap(([name, unresolved]) => {
    const field = resolve(unresolved);
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const says = [field.description ?? '', limitsOf(field)].filter(Boolean).join('; ');
    const row = [
      code(path),
      typeOf(resolved(field, resolve)),
      whole.required?.includes(name) ? 'yes' : 'no',
      says,
    ];
    return [row, ...fieldRows(field, resolve, path)];
  });
}

/** Its items resolved, too, so that their type can be named. */
const resolved = (schema: Schema, resolve: (schema: Schema) => Schema): Schema =>
  schema.items ? { ...schema, items: resolve(schema.items) } : schema;

export const FIELDS = ['field', 'type', 'required', 'notes'] as const;
