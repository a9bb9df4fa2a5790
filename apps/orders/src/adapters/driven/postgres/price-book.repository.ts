import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import type { Money } from '@atlas/kernel';
import { In, MoreThan } from 'typeorm';
import { PriceBook } from '../../../application/ports';
import type { Price } from '../../../domain/price';
import { fromRow, PriceEntity, toRow } from './price.mapping';

export class PostgresPriceBook extends PriceBook {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {
    super();
  }

  async pricesOf(skus: readonly string[]): Promise<ReadonlyMap<string, Money>> {
    const rows = await this.unitOfWork.manager.findBy(PriceEntity, { sku: In(skus) });
    return new Map(rows.map((row) => [row.sku, fromRow(row).unitPrice]));
  }

  async set(prices: readonly Price[]): Promise<void> {
    await this.unitOfWork.manager.upsert(PriceEntity, prices.map(toRow), ['sku']);
  }

  async remove(sku: string): Promise<void> {
    await this.unitOfWork.manager.delete(PriceEntity, { sku });
  }

  async list(limit: number, after?: string): Promise<readonly Price[]> {
    const rows = await this.unitOfWork.manager.find(PriceEntity, {
      where: after === undefined ? {} : { sku: MoreThan(after) },
      order: { sku: 'ASC' },
      take: limit,
    });
    return rows.map(fromRow);
  }
}
