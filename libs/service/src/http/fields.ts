import { z } from 'zod';

/** How many entries of a list to answer with. */
export const pageLimitField = z.coerce.number().int().min(1).max(500).default(50);

/** Refuses a list in which two entries have the same text in `field`, pointing at the second; for `superRefine`. */
export const eachOnce =
  <Field extends string>(field: Field) =>
  (entries: readonly Readonly<Record<Field, string>>[], context: z.RefinementCtx): void => {
    const seen = new Set<string>();
    for (const [index, entry] of entries.entries()) {
      const value = entry[field];
      if (seen.has(value)) {
        context.addIssue({
          code: 'custom',
          path: [index, field],
          message: `"${value}" is there twice; give it once`,
        });
      }
      seen.add(value);
    }
  };
