import type { StockCount } from '../../domain/stock';
import type { StockItem } from '../../domain/stock-item';
import type { StockRepository } from '../ports';

/** Keeps how many are on hand; what reservations hold stays theirs. */
export class KeepStock {
  constructor(private readonly stock: StockRepository) {}

  /** Sets all or none of the counts, each SKU once. */
  async set(counts: readonly StockCount[]): Promise<void> {
    const skus = counts.map((count) => count.sku);
    await this.stock.update(skus, (current) => current.setOnHand(counts));
  }

  /** Returns the stock afterwards. */
  async setOne(count: StockCount): Promise<StockItem> {
    const stock = await this.stock.update([count.sku], (current) => current.setOnHand([count]));
    return stock.item(count.sku);
  }

  find(sku: string): Promise<StockItem | undefined> {
    return this.stock.find(sku);
  }

  list(limit: number, after?: string): Promise<readonly StockItem[]> {
    return this.stock.list(limit, after);
  }
}
