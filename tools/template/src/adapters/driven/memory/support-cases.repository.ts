import type { Outbox } from '@atlas/ports/adapters';
import { MemoryAggregateStore, type MemoryUnitOfWork } from '@atlas/testing';
import { type SupportCaseFilter, SupportCaseRepository } from '../../../application/ports';
import type { SupportCase, SupportCaseChange } from '../../../domain/support-case';
import type { SupportCaseEvent } from '../../../domain/support-case-events';
import { published } from '../events/published-events';

export class MemorySupportCaseRepository extends SupportCaseRepository {
  private readonly supportCases: MemoryAggregateStore<SupportCase, SupportCaseEvent>;

  constructor(unitOfWork: MemoryUnitOfWork, outbox: Outbox) {
    super();
    this.supportCases = new MemoryAggregateStore(unitOfWork, outbox, { name: 'support case', published });
  }

  add(opened: SupportCaseChange): Promise<void> {
    return this.supportCases.add(opened);
  }

  update(
    id: string,
    change: (supportCase: SupportCase) => SupportCaseChange,
  ): Promise<SupportCase | undefined> {
    return this.supportCases.update(id, change);
  }

  get(id: string): Promise<SupportCase | undefined> {
    return this.supportCases.get(id);
  }

  async list({ status, limit, after }: SupportCaseFilter): Promise<readonly SupportCase[]> {
    return (await this.supportCases.list())
      .filter((supportCase) => !status || supportCase.snapshot().status === status)
      .filter(({ id }) => !after || id < after)
      .sort((a, b) => (a.id < b.id ? 1 : -1))
      .slice(0, limit);
  }
}
