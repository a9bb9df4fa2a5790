/**
 * The part of JSON Schema in which a category describes the attributes of its products: scalars, lists of them, and
 * groups of both.
 *
 * why: not all of JSON Schema. References and combinations could make a small schema expensive to check, and every
 * attribute must have one type, so that a filter knows what to look for.
 */
export interface AttributesSchema {
  /** The dialect, 2020-12, as JSON Schema names it. */
  readonly $schema?: string | undefined;
  readonly type: 'object';
  readonly properties: Readonly<Record<string, AttributeSchema>>;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties: false;
}

export type AttributeSchema = ScalarSchema | ListSchema | GroupSchema;

export type ScalarSchema = TextSchema | NumberSchema | TruthSchema;

interface Described {
  readonly title?: string | undefined;
  readonly description?: string | undefined;
}

export interface TextSchema extends Described {
  readonly type: 'string';
  readonly enum?: readonly string[] | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  /** A regular expression in the syntax of RE2, which has no lookaround and no back-references. */
  readonly pattern?: string | undefined;
}

export interface NumberSchema extends Described {
  readonly type: 'number' | 'integer';
  readonly enum?: readonly number[] | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
}

export interface TruthSchema extends Described {
  readonly type: 'boolean';
}

export interface ListSchema extends Described {
  readonly type: 'array';
  readonly items: ScalarSchema;
  readonly minItems?: number | undefined;
  readonly maxItems?: number | undefined;
  readonly uniqueItems?: boolean | undefined;
}

export interface GroupSchema extends Described {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, ScalarSchema | ListSchema>>;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties: false;
}
