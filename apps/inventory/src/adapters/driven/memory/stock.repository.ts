import type { Outbox } from '@atlas/ports/adapters';
import { MemoryAggregateStore, type MemoryUnitOfWork } from '@atlas/testing';
import { StockRepository } from '../../../application/ports';
import { Stock, type StockChange } from '../../../domain/stock';
import type { StockItem } from '../../../domain/stock-item';

/** Stock changes are serialized, so that units of work may lock reservations and stock in any order. */
export const STOCK_TURN = 'stock';

export class MemoryStockRepository extends StockRepository {
  private readonly items: MemoryAggregateStore<StockItem, never>;

  constructor(
    private readonly unitOfWork: MemoryUnitOfWork,
    outbox: Outbox,
  ) {
    super();
    this.items = new MemoryAggregateStore(unitOfWork, outbox, { name: 'stock', turn: STOCK_TURN });
  }

  /** Locks the existing stock of `skus` until the open unit of work ends. */
  async lock(skus: readonly string[]): Promise<Stock> {
    return Stock.of(await this.items.lock(skus));
  }

  /** Saves the locked items. */
  async save(items: readonly StockItem[]): Promise<void> {
    for (const next of items) await this.items.save({ next, events: [] });
  }

  update(skus: readonly string[], change: (stock: Stock) => StockChange): Promise<Stock> {
    return this.unitOfWork.run(async () => {
      const { next } = change(await this.lock(skus));
      await this.save(skus.map((sku) => next.item(sku)));
      return next;
    });
  }

  get(sku: string): Promise<StockItem | undefined> {
    return this.items.get(sku);
  }

  async list(limit: number, after = ''): Promise<readonly StockItem[]> {
    return (await this.items.list())
      .filter(({ sku }) => sku > after)
      .sort((a, b) => (a.sku < b.sku ? -1 : 1))
      .slice(0, limit);
  }
}
