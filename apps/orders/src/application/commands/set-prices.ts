import type { Price } from '../../domain/price';
import type { PriceBook } from '../ports';

/** Adds or replaces prices; placed orders keep theirs. */
export class SetPrices {
  constructor(private readonly prices: PriceBook) {}

  execute(prices: readonly Price[]): Promise<void> {
    return this.prices.set(prices);
  }
}
