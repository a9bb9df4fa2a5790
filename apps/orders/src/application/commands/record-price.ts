import type { Price } from '../../domain/price';
import type { PriceBook } from '../ports';

/** The catalog has set a price: orders are placed at it from now on; those that were placed before keep theirs. */
export class RecordPrice {
  constructor(private readonly prices: PriceBook) {}

  execute(price: Price): Promise<void> {
    return this.prices.set([price]);
  }
}
