import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { MoreThan } from 'typeorm';
import { StockRepository } from '../../../application/ports';
import type { Stock, StockChange } from '../../../domain/stock';
import type { StockItem } from '../../../domain/stock-item';
import { lockStock, toItem } from './stock-rows';
import { StockEntity } from './stock.entity';

export class PostgresStockRepository extends StockRepository {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {
    super();
  }

  update(skus: readonly string[], change: (stock: Stock) => StockChange): Promise<Stock> {
    return this.unitOfWork.run(async () => {
      // A SKU that is new needs a row, or there would be nothing to lock.
      await this.unitOfWork.manager.query(
        'INSERT INTO stock (sku) SELECT sku FROM unnest($1::text[]) AS new (sku) ORDER BY sku COLLATE "C" ON CONFLICT DO NOTHING',
        [skus],
      );
      const changed = change(await lockStock(this.unitOfWork.manager, skus));
      for (const { received } of changed.events) {
        const items = received.map(({ sku }) => changed.next.item(sku));
        await this.unitOfWork.manager.query(
          `WITH came_in AS (
             INSERT INTO stock_movement (sku, quantity)
             SELECT sku, quantity FROM unnest($1::text[], $2::bigint[]) AS movement (sku, quantity)
           )
           UPDATE stock SET received = stock.received + count.quantity, on_hand = count.on_hand
           FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS count (sku, quantity, on_hand)
           WHERE stock.sku = count.sku`,
          [
            received.map(({ sku }) => sku),
            received.map(({ quantity }) => quantity),
            items.map(({ levels }) => levels.onHand),
          ],
        );
      }
      return changed.next;
    });
  }

  async find(sku: string): Promise<StockItem | undefined> {
    const row = await this.unitOfWork.manager.findOneBy(StockEntity, { sku });
    return row ? toItem(row) : undefined;
  }

  async list(limit: number, after?: string): Promise<readonly StockItem[]> {
    const rows = await this.unitOfWork.manager.find(StockEntity, {
      where: after === undefined ? {} : { sku: MoreThan(after) },
      order: { sku: 'ASC' },
      take: limit,
    });
    return rows.map(toItem);
  }
}
