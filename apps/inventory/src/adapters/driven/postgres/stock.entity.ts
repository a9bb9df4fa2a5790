import { EntitySchema } from 'typeorm';

export interface StockRow {
  sku: string;
  /** Units; PostgreSQL's bigint arrives as text. */
  received: string;
  onHand: string;
  reserved: string;
  sold: string;
}

export const StockEntity = new EntitySchema<StockRow>({
  name: 'stock',
  tableName: 'stock',
  columns: {
    sku: { type: 'text', primary: true },
    received: { type: 'bigint' },
    onHand: { name: 'on_hand', type: 'bigint' },
    reserved: { type: 'bigint' },
    sold: { type: 'bigint' },
  },
});
