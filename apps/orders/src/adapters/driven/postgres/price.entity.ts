import { EntitySchema } from 'typeorm';

export interface PriceRow {
  sku: string;
  name: string;
  /** Minor units; PostgreSQL's bigint arrives as text. */
  unitPrice: string;
  currency: string;
}

export const PriceEntity = new EntitySchema<PriceRow>({
  name: 'price',
  tableName: 'price',
  columns: {
    sku: { type: 'text', primary: true },
    name: { type: 'text' },
    unitPrice: { name: 'unit_price', type: 'bigint' },
    currency: { type: 'text' },
  },
});
