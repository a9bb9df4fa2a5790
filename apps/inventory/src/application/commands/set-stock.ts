import type { Stock, StockCount } from '../../domain/stock';
import type { StockRepository } from '../ports';

/** Sets the number of available units; reservations are unaffected. */
export class SetStock {
  constructor(private readonly stock: StockRepository) {}

  /**
   * Sets all counts or none; each SKU may occur once.
   * @returns the updated stock of these SKUs.
   */
  execute(counts: readonly StockCount[]): Promise<Stock> {
    const skus = counts.map((count) => count.sku);
    return this.stock.update(skus, (current) => current.setAvailable(counts));
  }
}
