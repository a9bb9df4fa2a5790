import { type AggregateMapping, wholeNumber } from '@atlas/adapters/postgres';
import { EntitySchema } from 'typeorm';
import { StockItem } from '../../../domain/stock-item';

export interface StockRow {
  sku: string;
  /** Units. */
  received: number;
  available: number;
  reserved: number;
  sold: number;
}

export const StockEntity = new EntitySchema<StockRow>({
  name: 'stock',
  tableName: 'stock',
  columns: {
    sku: { type: 'text', primary: true },
    received: wholeNumber,
    available: wholeNumber,
    reserved: wholeNumber,
    sold: wholeNumber,
  },
});

/** Units received or, if negative, counted as missing: all changes not caused by reservations. */
export interface StockMovementRow {
  id?: string;
  sku: string;
  quantity: number;
}

export const StockMovementEntity = new EntitySchema<StockMovementRow>({
  name: 'stock_movement',
  tableName: 'stock_movement',
  columns: {
    id: { type: 'bigint', primary: true, insert: false },
    sku: { type: 'text' },
    quantity: wholeNumber,
  },
});

/**
 * Serializes stock changes.
 *
 * why: batches of orders contend for the hot SKUs anyway, and since each locks rows in the order of its orders, they
 * would deadlock, which takes PostgreSQL a second to detect (ADR 9).
 */
export const STOCK_TURN = 'stock';

export const stockMapping: AggregateMapping<StockItem, never, StockRow> = {
  entity: StockEntity,
  turn: STOCK_TURN,
  toRow: ({ sku, levels }) => ({ sku, ...levels }),
  fromRow: ({ sku, ...levels }) => new StockItem(sku, levels),
};
