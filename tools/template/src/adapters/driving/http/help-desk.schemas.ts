import { pageLimitField } from '@atlas/service';
import { z } from 'zod';
import { MAX_TITLE, type SupportCase, SUPPORT_CASE_STATUSES } from '../../../domain/support-case';

export const supportCaseId = z.uuid('A support case id is a UUID');

const status = z.enum(SUPPORT_CASE_STATUSES);

export const openSupportCaseBody = z
  .object({ title: z.string().min(1).max(MAX_TITLE) })
  .meta({ id: 'OpenSupportCase', examples: [{ title: 'The first of its kind' }] });

export const listSupportCasesQuery = z.object({
  status: status.optional(),
  limit: pageLimitField,
  cursor: supportCaseId.optional(),
});

export const supportCaseResponse = z
  .object({
    id: supportCaseId,
    title: z.string(),
    status,
    version: z.int(),
    openedAt: z.iso.datetime(),
    changedAt: z.iso.datetime().describe('When it reached its current status'),
  })
  .meta({ id: 'SupportCase' });

export const supportCasesResponse = z.object({
  supportCases: z.array(supportCaseResponse),
  nextCursor: supportCaseId.optional(),
});

export type OpenSupportCaseBody = z.infer<typeof openSupportCaseBody>;
export type ListSupportCasesQuery = z.infer<typeof listSupportCasesQuery>;
export type SupportCaseResponse = z.infer<typeof supportCaseResponse>;
export type SupportCasesResponse = z.infer<typeof supportCasesResponse>;

export function toSupportCaseResponse(supportCase: SupportCase): SupportCaseResponse {
  const { openedAt, changedAt, ...same } = supportCase.snapshot();
  return { ...same, openedAt: openedAt.toISOString(), changedAt: changedAt.toISOString() };
}
