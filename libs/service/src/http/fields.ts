import { SKU_PATTERN } from '@atlas/kernel';
import { z } from 'zod';

/** A stock-keeping unit's code, as every context takes it over HTTP. */
export const skuField = z
  .string()
  .regex(SKU_PATTERN, 'A SKU has 1 to 64 characters of a-z, 0-9, dot, underscore and hyphen');

/** How many entries of a list to answer with. */
export const pageLimitField = z.coerce.number().int().min(1).max(500).default(50);

/** Refuses a list that names one SKU twice, pointing at the second; for `superRefine`. */
export function eachSkuOnce(entries: readonly { readonly sku: string }[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [index, { sku }] of entries.entries()) {
    if (seen.has(sku)) {
      context.addIssue({
        code: 'custom',
        path: [index, 'sku'],
        message: `"${sku}" is there twice; give it once`,
      });
    }
    seen.add(sku);
  }
}
