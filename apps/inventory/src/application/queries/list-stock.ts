import type { StockItem } from '../../domain/stock-item';
import type { StockRepository } from '../ports';

export interface ListStockQuery {
  readonly limit: number;
  /** The last SKU of the previous page. */
  readonly after?: string | undefined;
}

/** By SKU. */
export class ListStock {
  constructor(private readonly stock: StockRepository) {}

  execute({ limit, after }: ListStockQuery): Promise<readonly StockItem[]> {
    return this.stock.list(limit, after);
  }
}
