import type { AggregateMapping } from '@atlas/adapters/postgres';
import { EntitySchema } from 'typeorm';
import { SupportCase, type SupportCaseStatus } from '../../../domain/support-case';
import type { SupportCaseEvent } from '../../../domain/support-case-events';
import { published } from '../events/published-events';

export interface SupportCaseRow {
  id: string;
  title: string;
  status: SupportCaseStatus;
  version: number;
  openedAt: Date;
  changedAt: Date;
}

export const SupportCaseEntity = new EntitySchema<SupportCaseRow>({
  name: 'support_case',
  tableName: 'support_case',
  columns: {
    id: { type: 'uuid', primary: true },
    title: { type: 'text', update: false },
    status: { type: 'text' },
    version: { type: 'integer' },
    openedAt: { name: 'opened_at', type: 'timestamptz', update: false },
    changedAt: { name: 'changed_at', type: 'timestamptz' },
  },
});

export const supportCaseMapping: AggregateMapping<SupportCase, SupportCaseEvent, SupportCaseRow> = {
  entity: SupportCaseEntity,
  published,
  toRow: (supportCase) => ({ ...supportCase.snapshot() }),
  fromRow: (row) => new SupportCase({ ...row }),
};
