import type { Stock, StockCount } from '../../domain/stock';
import type { StockRepository } from '../ports';

/** Sets how many units are available; reservations keep theirs. */
export class SetStock {
  constructor(private readonly stock: StockRepository) {}

  /**
   * Sets all of the counts or none, each SKU once.
   * @returns the stock of these SKUs afterwards.
   */
  execute(counts: readonly StockCount[]): Promise<Stock> {
    const skus = counts.map((count) => count.sku);
    return this.stock.update(skus, (current) => current.setAvailable(counts));
  }
}
