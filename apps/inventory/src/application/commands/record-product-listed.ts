import { unchanged } from '@atlas/kernel';
import type { StockRepository } from '../ports';

/** The catalog has listed a product: its SKU has stock, which is empty until it is counted. What it has stays. */
export class RecordProductListed {
  constructor(private readonly stock: StockRepository) {}

  async execute(sku: string): Promise<void> {
    await this.stock.update([sku], unchanged);
  }
}
