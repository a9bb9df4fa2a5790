import type { Clock } from '@atlas/ports/application';
import type { SupportCase } from '../../domain/support-case';
import type { SupportCaseRepository } from '../ports';

/** Idempotent: a transition that no longer applies is not an error. */
export class CloseSupportCase {
  constructor(
    private readonly supportCases: SupportCaseRepository,
    private readonly clock: Clock,
  ) {}

  /** @returns the updated support case; undefined if there is none. */
  execute(supportCaseId: string): Promise<SupportCase | undefined> {
    return this.supportCases.update(supportCaseId, (supportCase) => supportCase.close(this.clock.now()));
  }
}
