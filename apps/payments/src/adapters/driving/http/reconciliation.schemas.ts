import { z } from 'zod';
import type { ReconciliationStatus } from '../../../application/queries/get-reconciliation';
import { DIFFERENCE_KINDS } from '../../../domain/statement';

export const reconciliationResponse = z
  .object({
    position: z.string().nullable().describe('Where the next read starts; null: at the beginning'),
    differences: z
      .array(
        z.object({
          kind: z.enum(DIFFERENCE_KINDS),
          id: z.string().describe("The charge's or the refund's id"),
          reference: z.string().describe("The payment's id, or whatever else the charge was made for"),
        }),
      )
      .describe('At most 100'),
  })
  .meta({ id: 'Reconciliation' });

export type ReconciliationResponse = z.infer<typeof reconciliationResponse>;

export const toReconciliationResponse = ({
  position,
  differences,
}: ReconciliationStatus): ReconciliationResponse => ({
  position: position ?? null,
  differences: [...differences],
});
