import type { Price } from '../../domain/price';
import type { PriceBook } from '../ports';

export interface ListPricesQuery {
  readonly limit: number;
  /** The SKU of the last price of the previous page. */
  readonly after?: string | undefined;
}

/** By SKU. */
export class ListPrices {
  constructor(private readonly prices: PriceBook) {}

  execute({ limit, after }: ListPricesQuery): Promise<readonly Price[]> {
    return this.prices.list(limit, after);
  }
}
