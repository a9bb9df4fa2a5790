import type { Money } from '@atlas/kernel';
import type { MemoryTable, MemoryUnitOfWork } from '@atlas/testing';
import { PriceBook } from '../../../application/ports';
import type { Price } from '../../../domain/price';

export class MemoryPriceBook extends PriceBook {
  private readonly prices: MemoryTable<Price>;

  constructor(private readonly unitOfWork: MemoryUnitOfWork) {
    super();
    this.prices = unitOfWork.database.table('price');
  }

  async pricesOf(skus: readonly string[]): Promise<ReadonlyMap<string, Money>> {
    const known = (await this.list(Infinity)).filter(({ sku }) => skus.includes(sku));
    return new Map(known.map(({ sku, unitPrice }) => [sku, unitPrice]));
  }

  set(prices: readonly Price[]): Promise<void> {
    return this.unitOfWork.run(async () => {
      for (const price of prices) this.unitOfWork.current.set(this.prices, price.sku, price);
    });
  }

  remove(sku: string): Promise<void> {
    return this.unitOfWork.run(async () => this.unitOfWork.current.delete(this.prices, sku));
  }

  list(limit: number, after = ''): Promise<readonly Price[]> {
    return this.unitOfWork.run(async () =>
      this.unitOfWork.current
        .rows(this.prices)
        .filter(({ sku }) => sku > after)
        .sort((a, b) => (a.sku < b.sku ? -1 : 1))
        .slice(0, limit),
    );
  }
}
