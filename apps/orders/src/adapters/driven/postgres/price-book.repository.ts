import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Money } from '@atlas/kernel';
import { In, MoreThan } from 'typeorm';
import { PriceBook } from '../../../application/ports';
import type { Price } from '../../../domain/price';
import { PriceEntity } from './price.entity';

export class PostgresPriceBook extends PriceBook {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {
    super();
  }

  async pricesOf(skus: readonly string[]): Promise<ReadonlyMap<string, Money>> {
    const rows = await this.unitOfWork.manager.findBy(PriceEntity, { sku: In(skus) });
    return new Map(rows.map((row) => [row.sku, Money.of(Number(row.unitPrice), row.currency)]));
  }

  async set(prices: readonly Price[]): Promise<void> {
    const rows = prices.map(({ sku, name, unitPrice }) => ({
      sku,
      name,
      unitPrice: String(unitPrice.minorUnits),
      currency: unitPrice.currency,
    }));
    await this.unitOfWork.manager.upsert(PriceEntity, rows, ['sku']);
  }

  async list(limit: number, after?: string): Promise<readonly Price[]> {
    const rows = await this.unitOfWork.manager.find(PriceEntity, {
      where: after === undefined ? {} : { sku: MoreThan(after) },
      order: { sku: 'ASC' },
      take: limit,
    });
    return rows.map((row) => ({
      sku: row.sku,
      name: row.name,
      unitPrice: Money.of(Number(row.unitPrice), row.currency),
    }));
  }
}
