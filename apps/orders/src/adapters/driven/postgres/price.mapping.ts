import { wholeNumber } from '@atlas/adapters/postgres';
import { Money } from '@atlas/kernel';
import { EntitySchema } from 'typeorm';
import type { Price } from '../../../domain/price';

export interface PriceRow {
  sku: string;
  /** Minor units. */
  unitPrice: number;
  currency: string;
}

export const PriceEntity = new EntitySchema<PriceRow>({
  name: 'price',
  tableName: 'price',
  columns: {
    sku: { type: 'text', primary: true },
    unitPrice: { name: 'unit_price', ...wholeNumber },
    currency: { type: 'text' },
  },
});

export const toRow = ({ sku, unitPrice }: Price): PriceRow => ({
  sku,
  unitPrice: unitPrice.minorUnits,
  currency: unitPrice.currency,
});

export const fromRow = ({ sku, unitPrice, currency }: PriceRow): Price => ({
  sku,
  unitPrice: Money.of(unitPrice, currency),
});
