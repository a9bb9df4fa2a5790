import { z } from 'zod';

/** The number of entries on one page of a list. */
export const pageLimitField = z.coerce.number().int().min(1).max(500).default(50);

/** For `superRefine`: refuses a list in which two entries have the same text in `field`, pointing at the second. */
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
          message: `"${value}" is listed twice; list it once`,
        });
      }
      seen.add(value);
    }
  };
