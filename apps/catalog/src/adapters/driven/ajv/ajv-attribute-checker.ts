import { type ErrorObject, type ValidateFunction } from 'ajv';
import Ajv2020 from 'ajv/dist/2020';
import { RE2JS, RE2JSSyntaxException } from 're2js';
import { AttributeChecker } from '../../../application/ports';
import type { Attributes, Flaw } from '../../../domain/attributes';
import type { AttributeSchema, AttributesSchema } from '../../../domain/attributes-schema';

/** Compiling takes a millisecond, so the schemas that were used last are kept compiled. */
const KEPT = 200;

/** With patterns as in RE2, whose time grows linearly with the text; those of JavaScript may take years. */
export class AjvAttributeChecker extends AttributeChecker {
  private readonly ajv = new Ajv2020({
    allErrors: true,
    // Otherwise a product would have the attribute "constructor" without having it.
    ownProperties: true,
    code: { regExp: Object.assign(compile, { code: 'no standalone code is generated' }) },
  });
  /** By schema, the one that was used last at the end. */
  private readonly compiled = new Map<string, ValidateFunction>();

  flawsOf(schema: AttributesSchema): readonly Flaw[] {
    const flaws = patternFlaws(schema, []);
    if (flaws.length > 0 || this.ajv.validateSchema(schema)) return flaws;
    return (this.ajv.errors ?? []).map(toFlaw);
  }

  flawsIn(attributes: Attributes, schema: AttributesSchema): readonly Flaw[] {
    const validate = this.validatorOf(schema);
    return validate(attributes) ? [] : (validate.errors ?? []).map(toFlaw);
  }

  private validatorOf(schema: AttributesSchema): ValidateFunction {
    const key = JSON.stringify(schema);
    const validate = this.compiled.get(key) ?? this.ajv.compile(schema);
    // Ajv would keep every schema that it has ever seen.
    this.ajv.removeSchema(schema);
    this.compiled.delete(key);
    this.compiled.set(key, validate);
    const [oldest] = this.compiled.keys();
    if (this.compiled.size > KEPT && oldest !== undefined) this.compiled.delete(oldest);
    return validate;
  }
}

function compile(pattern: string) {
  const compiled = RE2JS.compile(pattern);
  // Ajv takes two patterns with the same text for one.
  return { test: (text: string) => compiled.matcher(text).find(), toString: () => pattern };
}

function patternFlaws(
  schema: AttributesSchema | AttributeSchema,
  path: readonly (string | number)[],
): readonly Flaw[] {
  switch (schema.type) {
    case 'object':
      return Object.entries(schema.properties).flatMap(([name, inner]) =>
        patternFlaws(inner, [...path, 'properties', name]),
      );
    case 'array':
      return patternFlaws(schema.items, [...path, 'items']);
    case 'string':
      return schema.pattern === undefined ? [] : flawsInPattern(schema.pattern, [...path, 'pattern']);
    case 'number':
    case 'integer':
    case 'boolean':
      return [];
  }
}

function flawsInPattern(pattern: string, path: readonly (string | number)[]): readonly Flaw[] {
  try {
    compile(pattern);
    return [];
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    const detail = `It is no regular expression in the syntax of RE2: ${error.message}`;
    return [{ path, detail }];
  }
}

function toFlaw({ instancePath, keyword, params, message = keyword }: ErrorObject): Flaw {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
  const { missingProperty, additionalProperty, allowedValues } = params as Record<string, unknown>;
  if (typeof missingProperty === 'string') {
    return { path: [...path, missingProperty], detail: 'It is missing; the category requires it.' };
  }
  if (typeof additionalProperty === 'string') {
    return { path: [...path, additionalProperty], detail: 'The category has no such attribute.' };
  }
  if (Array.isArray(allowedValues)) {
    return { path, detail: `It must be one of ${allowedValues.join(', ')}.` };
  }
  return { path, detail: `It ${message}.` };
}
