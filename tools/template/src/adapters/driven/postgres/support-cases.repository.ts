import { AggregateStore, type PostgresUnitOfWork } from '@atlas/adapters/postgres';
import type { Outbox } from '@atlas/ports/adapters';
import { LessThan } from 'typeorm';
import { type SupportCaseFilter, SupportCaseRepository } from '../../../application/ports';
import type { SupportCase, SupportCaseChange } from '../../../domain/support-case';
import type { SupportCaseEvent } from '../../../domain/support-case-events';
import { SupportCaseEntity, supportCaseMapping, type SupportCaseRow } from './support-case.mapping';

export class PostgresSupportCaseRepository extends SupportCaseRepository {
  private readonly supportCases: AggregateStore<SupportCase, SupportCaseEvent, SupportCaseRow>;

  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    outbox: Outbox,
  ) {
    super();
    this.supportCases = new AggregateStore(unitOfWork, outbox, supportCaseMapping);
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
    const rows = await this.unitOfWork.manager.find(SupportCaseEntity, {
      where: { ...(status && { status }), ...(after && { id: LessThan(after) }) },
      order: { id: 'DESC' },
      take: limit,
    });
    return rows.map((row) => supportCaseMapping.fromRow(row));
  }
}
