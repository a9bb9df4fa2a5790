import { Money } from '@atlas/kernel';
import type { Context } from '@atlas/testing/context';
import type { AttributesSchema } from '../src/domain/attributes-schema';
import type { ProductDraft } from '../src/domain/product';

export const coffeeSchema: AttributesSchema = {
  type: 'object',
  properties: {
    roast: { type: 'string', enum: ['light', 'medium', 'dark'] },
    grams: { type: 'integer', minimum: 1 },
    organic: { type: 'boolean' },
    origins: { type: 'array', items: { type: 'string', maxLength: 40 }, maxItems: 5 },
    size: {
      type: 'object',
      properties: { width: { type: 'number' }, height: { type: 'number' } },
      additionalProperties: false,
    },
    code: { type: 'string', pattern: '^[A-Z]{2}-[0-9]+$' },
  },
  required: ['roast'],
  additionalProperties: false,
};

/** A coffee as the catalog's core knows it. */
export const coffee = (changes: Partial<ProductDraft> = {}): ProductDraft => ({
  category: 'coffee',
  name: 'Kenya AA',
  description: 'Bright, with blackcurrant',
  price: Money.of(1_450),
  attributes: { roast: 'light', grams: 500, origins: ['Kenya'] },
  ...changes,
});

/** The same as a request's body. */
export const coffeeBody = (changes: object = {}) => {
  const { price, ...same } = coffee();
  return { ...same, price: price.toJSON(), ...changes };
};

export interface ProductAnswer {
  readonly sku: string;
  readonly status: string;
  readonly version: number;
  readonly price: { readonly minorUnits: number };
  readonly rank?: number;
}

export const CREATE = { 'if-none-match': '*' };

export async function defineCategory(
  catalog: Context,
  name = 'coffee',
  schema: object = coffeeSchema,
): Promise<void> {
  const answer = await catalog.send('PUT', `/categories/${name}`, { title: 'Coffee', schema }, CREATE);
  if (answer.statusCode >= 300) throw new Error(answer.body);
}

export async function listProduct(
  catalog: Context,
  sku: string,
  changes: object = {},
): Promise<ProductAnswer> {
  const answer = await catalog.send('PUT', `/products/${sku}`, coffeeBody(changes), CREATE);
  if (answer.statusCode !== 201) throw new Error(answer.body);
  return answer.json<ProductAnswer>();
}
