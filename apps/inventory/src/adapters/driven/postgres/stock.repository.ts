import { AppendStore, type PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { MoreThan } from 'typeorm';
import { StockRepository } from '../../../application/ports';
import type { Stock, StockChange } from '../../../domain/stock';
import type { StockItem } from '../../../domain/stock-item';
import type { StockItems } from './stock-items';
import { StockEntity, stockMapping, StockMovementEntity, type StockMovementRow } from './stock.mapping';

export class PostgresStockRepository extends StockRepository {
  private readonly movements: AppendStore<StockMovementRow>;

  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    private readonly items: StockItems,
  ) {
    super();
    this.movements = new AppendStore(unitOfWork, StockMovementEntity);
  }

  update(skus: readonly string[], change: (stock: Stock) => StockChange): Promise<Stock> {
    return this.unitOfWork.run(async () => {
      const { next, events } = change(await this.items.lock(skus));
      await this.items.save(skus.map((sku) => next.item(sku)));
      for (const { received } of events) this.movements.append(received);
      return next;
    });
  }

  async get(sku: string): Promise<StockItem | undefined> {
    const row = await this.unitOfWork.manager.findOneBy(StockEntity, { sku });
    return row ? stockMapping.fromRow(row) : undefined;
  }

  async list(limit: number, after?: string): Promise<readonly StockItem[]> {
    const rows = await this.unitOfWork.manager.find(StockEntity, {
      where: after === undefined ? {} : { sku: MoreThan(after) },
      order: { sku: 'ASC' },
      take: limit,
    });
    return rows.map((row) => stockMapping.fromRow(row));
  }
}
