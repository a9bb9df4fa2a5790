import type { Price } from '../../domain/price';
import type { PriceBook } from '../ports';

export class KeepPriceBook {
  constructor(private readonly prices: PriceBook) {}

  set(prices: readonly Price[]): Promise<void> {
    return this.prices.set(prices);
  }

  list(limit: number, after?: string): Promise<readonly Price[]> {
    return this.prices.list(limit, after);
  }
}
