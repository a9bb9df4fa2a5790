import { z } from 'zod';

const milliseconds = z.number().min(0).max(600_000);
const MAX_FAULTS = 20;

const common = {
  probability: z.number().min(0).max(1).default(1).describe('Of each request, 0 to 1'),
  on: z
    .array(z.enum(['charge', 'refund', 'read']))
    .min(1)
    .default(['charge', 'refund'])
    .describe('What it strikes: POST of charges, POST of refunds, GET of either and of the books'),
  count: z.int().min(1).optional().describe('Strikes so many requests at most'),
  forMs: milliseconds.optional().describe('Ends by itself after so many milliseconds'),
};
const failure = z.int().min(500).max(599).default(500);

export const faultsBody = z
  .strictObject({
    seed: z
      .int()
      .min(0)
      .max(0xffffffff)
      .default(1)
      .describe('The same seed and requests make the same faults'),
    faults: z
      .array(
        z.discriminatedUnion('kind', [
          z.strictObject({
            kind: z.literal('latency'),
            delayMs: z
              .union([
                milliseconds,
                z
                  .strictObject({ min: milliseconds, max: milliseconds })
                  .refine(({ min, max }) => min <= max, 'min must not be above max'),
                z.strictObject({ mean: milliseconds }),
              ])
              .describe('Always the same; evenly spread; or exponentially, at most ten times the mean'),
            ...common,
          }),
          z.strictObject({
            kind: z.literal('rate-limit'),
            retryAfterSeconds: z.int().min(0).max(600).default(1),
            ...common,
          }),
          z.strictObject({ kind: z.literal('error-before'), status: failure, ...common }),
          z.strictObject({ kind: z.literal('reset-before'), ...common }),
          z.strictObject({ kind: z.literal('error-after'), status: failure, ...common }),
          z.strictObject({ kind: z.literal('reset-after'), ...common }),
          z.strictObject({ kind: z.literal('silence-after'), ...common }),
          z.strictObject({
            kind: z.literal('slow-body'),
            overMs: milliseconds.describe('What the body takes from its first byte to its last'),
            ...common,
          }),
        ]),
      )
      .max(MAX_FAULTS),
  })
  .meta({ id: 'Faults' });
export type FaultsBody = z.infer<typeof faultsBody>;

export const faultsResponse = z.object({
  faults: faultsBody,
  struck: z.array(z.int()).describe('How many requests each fault has struck'),
});
export type FaultsResponse = z.infer<typeof faultsResponse>;
