import type { PriceBook } from '../ports';

/** The catalog has retired a product: it can't be ordered any more; orders that were placed before keep it. */
export class RecordProductRetired {
  constructor(private readonly prices: PriceBook) {}

  execute(sku: string): Promise<void> {
    return this.prices.remove(sku);
  }
}
