import type { SupportCase } from '../../domain/support-case';
import type { SupportCaseRepository } from '../ports';

export class GetSupportCase {
  constructor(private readonly supportCases: SupportCaseRepository) {}

  execute(id: string): Promise<SupportCase | undefined> {
    return this.supportCases.get(id);
  }
}
