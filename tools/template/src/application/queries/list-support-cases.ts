import type { SupportCase } from '../../domain/support-case';
import type { SupportCaseFilter, SupportCaseRepository } from '../ports';

/** Newest first. */
export class ListSupportCases {
  constructor(private readonly supportCases: SupportCaseRepository) {}

  execute(filter: SupportCaseFilter): Promise<readonly SupportCase[]> {
    return this.supportCases.list(filter);
  }
}
