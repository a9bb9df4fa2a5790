import { AggregateStore, type PostgresUnitOfWork } from '@atlas/adapters/postgres';
import type { Outbox } from '@atlas/ports/adapters';
import { Stock } from '../../../domain/stock';
import type { StockItem } from '../../../domain/stock-item';
import { stockMapping, type StockRow } from './stock.mapping';

/** Loads and saves stock in the open unit of work, for reservations and stock counts. */
export class StockItems {
  private readonly items: AggregateStore<StockItem, never, StockRow>;

  constructor(unitOfWork: PostgresUnitOfWork, outbox: Outbox) {
    this.items = new AggregateStore(unitOfWork, outbox, stockMapping);
  }

  /** Loads the existing stock of `skus` and locks it until the unit of work ends. */
  async lock(skus: readonly string[]): Promise<Stock> {
    return Stock.of(await this.items.lock(skus));
  }

  /** Saves locked items; inserts those that didn't exist. */
  async save(items: readonly StockItem[]): Promise<void> {
    for (const next of items) await this.items.save({ next, events: [] });
  }
}
