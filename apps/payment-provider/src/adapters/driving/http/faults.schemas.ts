import { z } from 'zod';
import { type FaultPlan, OPERATIONS } from '../../../domain/fault-plan';

const milliseconds = z.number().min(0).max(600_000);
const MAX_FAULTS = 20;

const common = {
  probability: z.number().min(0).max(1).default(1).describe('Per request, 0 to 1'),
  on: z
    .array(z.enum(OPERATIONS))
    .min(1)
    .default(['charge', 'refund'])
    .describe('Where it occurs: POST of charges, POST of refunds, GET of charges and books'),
  count: z.int().min(1).optional().describe('The most requests to inject it into'),
  forMs: milliseconds.optional().describe('Ends by itself after this time, milliseconds'),
};
const failure = z.int().min(500).max(599).default(500);

export const faultsBody = z
  .strictObject({
    seed: z
      .int()
      .min(0)
      .max(0xffffffff)
      .default(1)
      .describe('The same seed and the same order of requests inject the same faults'),
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
              .describe(
                'Fixed; uniformly distributed; or exponentially distributed, at most ten times the mean',
              ),
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
            overMs: milliseconds.describe('How long the body takes from its first byte to its last'),
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
  injected: z.array(z.int()).describe('How many requests each fault was injected into'),
});
export type FaultsResponse = z.infer<typeof faultsResponse>;

export const toFaultsResponse = ({ document, injected }: FaultPlan): FaultsResponse => ({
  faults: document as FaultsBody,
  injected: [...injected],
});
