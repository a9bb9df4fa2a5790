import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { MoreThan } from 'typeorm';
import { StockRepository } from '../../../application/ports';
import type { Stock, StockChange } from '../../../domain/stock';
import type { StockItem } from '../../../domain/stock-item';
import { type LockedStock, toStockItem } from './locked-stock';
import { StockEntity } from './stock.entity';

export class PostgresStockRepository extends StockRepository {
  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    private readonly lockedStock: LockedStock,
  ) {
    super();
  }

  update(skus: readonly string[], change: (stock: Stock) => StockChange): Promise<Stock> {
    return this.unitOfWork.run(async () => {
      await this.lockedStock.takeTurn();
      // A SKU that is new needs a row, or there would be nothing to lock.
      await this.unitOfWork.manager.query(
        'INSERT INTO stock (sku) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING',
        [skus],
      );
      const changed = change(await this.lockedStock.load(skus));
      for (const { received } of changed.events) {
        await this.lockedStock.save(received.map(({ sku }) => changed.next.item(sku)));
        await this.unitOfWork.manager.query(
          `INSERT INTO stock_movement (sku, quantity) SELECT * FROM unnest($1::text[], $2::bigint[])`,
          [received.map(({ sku }) => sku), received.map(({ quantity }) => quantity)],
        );
      }
      return changed.next;
    });
  }

  async find(sku: string): Promise<StockItem | undefined> {
    const row = await this.unitOfWork.manager.findOneBy(StockEntity, { sku });
    return row ? toStockItem(row) : undefined;
  }

  async list(limit: number, after?: string): Promise<readonly StockItem[]> {
    const rows = await this.unitOfWork.manager.find(StockEntity, {
      where: after === undefined ? {} : { sku: MoreThan(after) },
      order: { sku: 'ASC' },
      take: limit,
    });
    return rows.map(toStockItem);
  }
}
