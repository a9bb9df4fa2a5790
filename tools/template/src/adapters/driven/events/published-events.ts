import type { NewEvent } from '@atlas/events';
import { publishedAs } from '@atlas/ports/adapters';
import { SupportCaseClosed, SupportCaseOpened } from '../../../../language';
import type { SupportCase } from '../../../domain/support-case';
import type { SupportCaseEvent } from '../../../domain/support-case-events';

function translate(
  event: SupportCaseEvent,
  { id: supportCaseId }: SupportCase,
): Pick<NewEvent, 'contract' | 'data'> {
  switch (event.type) {
    case 'support-case-opened':
      return { contract: SupportCaseOpened, data: { supportCaseId, title: event.title } };
    case 'support-case-closed':
      return { contract: SupportCaseClosed, data: { supportCaseId } };
  }
}

/** Translates the events of a change to the published language. */
export const published = publishedAs(translate);
