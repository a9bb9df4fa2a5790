import type { Clock, IdGenerator } from '@atlas/ports/application';
import { SupportCase } from '../../domain/support-case';
import type { SupportCaseRepository } from '../ports';

export interface OpenSupportCaseCommand {
  readonly title: string;
}

export class OpenSupportCase {
  constructor(
    private readonly supportCases: SupportCaseRepository,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  async execute({ title }: OpenSupportCaseCommand): Promise<SupportCase> {
    const opened = SupportCase.open({ id: this.ids.next(), title, at: this.clock.now() });
    await this.supportCases.add(opened);
    return opened.next;
  }
}
