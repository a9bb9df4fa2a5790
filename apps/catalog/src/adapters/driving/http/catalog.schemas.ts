import { Money } from '@atlas/kernel';
import { pageLimitField } from '@atlas/service';
import { z } from 'zod';
import type { FoundProduct } from '../../../application/ports';
import type { WantedAttribute } from '../../../domain/attribute-filter';
import type { Category, CategoryDraft } from '../../../domain/category';
import { type Product, type ProductDraft, PRODUCT_STATUSES } from '../../../domain/product';
import { attributes, attributesSchema, wantedAttribute } from './attributes.schemas';

const money = z.object({
  minorUnits: z.int().min(0).max(100_000_000).describe('Whole minor units: 199 is 1.99 EUR'),
  currency: z.literal('EUR').default('EUR'),
});

const status = z.enum(PRODUCT_STATUSES);

export const categoryName = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,63}$/,
    'A category has 1 to 64 characters of a-z, 0-9 and hyphen, and begins with a letter',
  );

export const putCategoryBody = z
  .strictObject({ title: z.string().min(1).max(200), schema: attributesSchema })
  .meta({
    id: 'PutCategory',
    examples: [
      {
        title: 'Coffee',
        schema: {
          type: 'object',
          properties: {
            roast: { type: 'string', enum: ['light', 'medium', 'dark'] },
            grams: { type: 'integer', minimum: 1 },
            origins: { type: 'array', items: { type: 'string' }, maxItems: 5 },
          },
          required: ['roast'],
          additionalProperties: false,
        },
      },
    ],
  });

export const putProductBody = z
  .strictObject({
    category: categoryName,
    name: z.string().min(1).max(200),
    description: z.string().max(10_000).default(''),
    price: money,
    attributes: attributes.describe("As the category's schema asks"),
  })
  .meta({
    id: 'PutProduct',
    examples: [
      {
        category: 'coffee',
        name: 'Kenya AA',
        description: 'Bright, with blackcurrant',
        price: { minorUnits: 1_450, currency: 'EUR' },
        attributes: { roast: 'light', grams: 500, origins: ['Kenya'] },
      },
    ],
  });

export const listCategoriesQuery = z.object({ limit: pageLimitField, cursor: categoryName.optional() });

/** why: PostgreSQL can't read a search with more than 32 exclusions, one for each hyphen (its STACKDEPTH). */
const MAX_HYPHENS = 20;

export const searchProductsQuery = z.object({
  words: z
    .string()
    .min(1)
    .max(200)
    .refine(
      (words) => words.split('-').length <= MAX_HYPHENS + 1,
      `It has more than ${MAX_HYPHENS} hyphens, each of which may exclude a word; use fewer`,
    )
    .optional()
    .describe('In names, descriptions and attributes; also "a phrase", -excluded, and or'),
  category: categoryName.optional(),
  attribute: z
    .union([wantedAttribute, z.array(wantedAttribute).max(10)])
    .default([])
    .describe('name:value, such as roast:dark or size.width:30; all of several must match'),
  status: status.default('listed'),
  limit: pageLimitField,
  cursor: z.string().max(400).optional().describe('The nextCursor of the page before'),
});

export const categoryResponse = z
  .object({
    name: z.string(),
    title: z.string(),
    schema: z.record(z.string(), z.unknown()).describe('A JSON Schema'),
    version: z.int(),
    changedAt: z.iso.datetime(),
  })
  .meta({ id: 'Category' });

export const categoriesResponse = z.object({
  categories: z.array(categoryResponse),
  nextCursor: z.string().optional(),
});

export const productResponse = z
  .object({
    sku: z.string(),
    category: z.string(),
    name: z.string(),
    description: z.string(),
    price: money,
    attributes: z.record(z.string(), z.unknown()),
    status,
    version: z.int().describe('Counts its changes; also its ETag'),
    listedAt: z.iso.datetime().describe('When it was first listed'),
    changedAt: z.iso.datetime(),
  })
  .meta({ id: 'Product' });

export const foundProductsResponse = z.object({
  products: z.array(
    productResponse.extend({ rank: z.number().optional().describe('How well it matches the words') }),
  ),
  nextCursor: z.string().optional(),
});

export type PutCategoryBody = z.infer<typeof putCategoryBody>;
export type PutProductBody = z.infer<typeof putProductBody>;
export type ListCategoriesQuery = z.infer<typeof listCategoriesQuery>;
export type SearchProductsQuery = z.infer<typeof searchProductsQuery>;
export type CategoryResponse = z.infer<typeof categoryResponse>;
export type CategoriesResponse = z.infer<typeof categoriesResponse>;
export type ProductResponse = z.infer<typeof productResponse>;
export type FoundProductsResponse = z.infer<typeof foundProductsResponse>;

export const toCategoryDraft = ({ title, schema }: PutCategoryBody): CategoryDraft => ({ title, schema });

export const toProductDraft = ({ price, ...same }: PutProductBody): ProductDraft => ({
  ...same,
  price: Money.of(price.minorUnits, price.currency),
});

export function toWanted(filter: string): WantedAttribute {
  const colon = filter.indexOf(':');
  return { path: filter.slice(0, colon).split('.'), text: filter.slice(colon + 1) };
}

export function toCategoryResponse(category: Category): CategoryResponse {
  const { schema, changedAt, ...same } = category.snapshot();
  return { ...same, schema: { ...schema }, changedAt: changedAt.toISOString() };
}

export function toProductResponse(product: Product): ProductResponse {
  const { price, attributes: values, listedAt, changedAt, ...same } = product.snapshot();
  return {
    ...same,
    price: { minorUnits: price.minorUnits, currency: 'EUR' },
    attributes: { ...values },
    listedAt: listedAt.toISOString(),
    changedAt: changedAt.toISOString(),
  };
}

export const toFoundResponse = ({
  product,
  place: { rank },
}: FoundProduct): FoundProductsResponse['products'][number] => ({ ...toProductResponse(product), rank });
