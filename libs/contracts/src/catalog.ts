import { defineEvent } from '@atlas/events';
import { z } from 'zod';
import { money, sku } from './fields';

/** A product has no id but its SKU, which is what its events are about. */
const PRODUCT = { version: 1, owner: 'catalog', aggregate: 'product' } as const;

const category = z.string().min(1).max(64);
const name = z.string().min(1).max(200);

/** The product is for sale at `price`: for the first time, or again after it was retired. */
export const ProductListed = defineEvent({
  ...PRODUCT,
  type: 'catalog.product-listed',
  data: z.object({ sku, category, name, price: money }),
  examples: [
    { sku: 'kenya-aa', category: 'coffee', name: 'Kenya AA', price: { minorUnits: 1_450, currency: 'EUR' } },
    { sku: 'gift-card', category: 'gifts', name: 'Ærlig talt', price: { minorUnits: 0, currency: 'SEK' } },
  ],
});

/** Its name, its category, its description or its attributes changed; the catalog has the rest. */
export const ProductRevised = defineEvent({
  ...PRODUCT,
  unconsumed:
    'Orders and inventory know a product by its SKU; it tells whoever shows or recommends products.',
  type: 'catalog.product-revised',
  data: z.object({ sku, category, name }),
  examples: [{ sku: 'kenya-aa', category: 'coffee', name: 'Kenya AA, washed' }],
});

/** From now on the product costs `price`; orders that were placed before keep theirs. */
export const PriceChanged = defineEvent({
  ...PRODUCT,
  type: 'catalog.price-changed',
  data: z.object({ sku, price: money, was: money }),
  examples: [
    {
      sku: 'kenya-aa',
      price: { minorUnits: 1_590, currency: 'EUR' },
      was: { minorUnits: 1_450, currency: 'EUR' },
    },
  ],
});

/** The product is no longer for sale; orders that were placed before keep it. */
export const ProductRetired = defineEvent({
  ...PRODUCT,
  type: 'catalog.product-retired',
  data: z.object({ sku }),
  examples: [{ sku: 'kenya-aa' }],
});
