import type { AggregateMapping } from '@atlas/adapters/postgres';
import { EntitySchema } from 'typeorm';
import type { AttributesSchema } from '../../../domain/attributes-schema';
import { Category, type CategoryDefined } from '../../../domain/category';

export interface CategoryRow {
  name: string;
  title: string;
  schema: AttributesSchema;
  version: number;
  changedAt: Date;
}

export const CategoryEntity = new EntitySchema<CategoryRow>({
  name: 'category',
  tableName: 'category',
  columns: {
    name: { type: 'text', primary: true },
    title: { type: 'text' },
    schema: { type: 'jsonb' },
    version: { type: 'integer' },
    changedAt: { name: 'changed_at', type: 'timestamptz' },
  },
});

export const categoryMapping: AggregateMapping<Category, CategoryDefined, CategoryRow> = {
  entity: CategoryEntity,
  toRow: (category) => ({ ...category.snapshot() }),
  fromRow: (row) => new Category({ ...row }),
};
