import { defineEvent } from '@atlas/events';
import { z } from 'zod';

const supportCaseId = '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a10';

const SUPPORT_CASE = { version: 1, owner: 'help-desk', aggregate: 'support-case' } as const;

export const SupportCaseOpened = defineEvent({
  ...SUPPORT_CASE,
  type: 'help-desk.support-case-opened',
  data: z.object({ supportCaseId: z.uuid(), title: z.string() }),
  examples: [
    { supportCaseId, title: 'The first of its kind' },
    { supportCaseId, title: 'Zoë Ångström' },
  ],
  unconsumed: 'No context listens to it yet.',
});

export const SupportCaseClosed = defineEvent({
  ...SUPPORT_CASE,
  type: 'help-desk.support-case-closed',
  data: z.object({ supportCaseId: z.uuid() }),
  examples: [{ supportCaseId }],
  unconsumed: 'No context listens to it yet.',
});
