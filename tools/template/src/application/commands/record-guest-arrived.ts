import type { Clock } from '@atlas/ports/application';
import { SupportCase } from '../../domain/support-case';
import type { SupportCaseRepository } from '../ports';

/** Opens a support case under the id of what the event is about. If there is one already, keeps it. */
export class RecordGuestArrived {
  constructor(
    private readonly supportCases: SupportCaseRepository,
    private readonly clock: Clock,
  ) {}

  async execute(subject: string): Promise<void> {
    if (await this.supportCases.get(subject)) return;
    await this.supportCases.add(
      SupportCase.open({ id: subject, title: 'Guest arrived', at: this.clock.now() }),
    );
  }
}
