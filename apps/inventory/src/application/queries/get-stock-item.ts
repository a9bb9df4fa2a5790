import type { StockItem } from '../../domain/stock-item';
import type { StockRepository } from '../ports';

export class GetStockItem {
  constructor(private readonly stock: StockRepository) {}

  execute(sku: string): Promise<StockItem | undefined> {
    return this.stock.get(sku);
  }
}
