import type { EntityManager } from 'typeorm';
import { Stock } from '../../../domain/stock';
import { StockItem } from '../../../domain/stock-item';
import { StockEntity, type StockRow } from './stock.entity';

/**
 * Loads the stock of `skus` and keeps it from changing until the open unit of work ends. The rows are locked in SKU
 * order, so of two orders for the same SKUs one waits and none is a deadlock's victim.
 */
export async function lockStock(manager: EntityManager, skus: readonly string[]): Promise<Stock> {
  const rows = await manager
    .createQueryBuilder(StockEntity, 'stock')
    .where('stock.sku = ANY(:skus)', { skus })
    .orderBy('stock.sku')
    .setLock('pessimistic_write')
    .getMany();
  return Stock.of(rows.map(toItem));
}

export const toItem = ({ sku, received, onHand, reserved, sold }: StockRow): StockItem =>
  new StockItem(sku, {
    received: Number(received),
    onHand: Number(onHand),
    reserved: Number(reserved),
    sold: Number(sold),
  });
