import { AggregateStore, type PostgresUnitOfWork } from '@atlas/adapters/postgres';
import type { Outbox } from '@atlas/ports/adapters';
import { Stock } from '../../../domain/stock';
import type { StockItem } from '../../../domain/stock-item';
import { stockMapping, type StockRow } from './stock.mapping';

/** The stock as the open unit of work sees and changes it; reservations and stock counts share it. */
export class StockItems {
  private readonly items: AggregateStore<StockItem, never, StockRow>;

  constructor(unitOfWork: PostgresUnitOfWork, outbox: Outbox) {
    this.items = new AggregateStore(unitOfWork, outbox, stockMapping);
  }

  /** Locks and loads the stock of those of `skus` that were ever stocked, until the unit ends. */
  async lock(skus: readonly string[]): Promise<Stock> {
    return Stock.of(await this.items.lock(skus));
  }

  /** Takes over what became of locked items; those that were never stocked are new then. */
  async save(items: readonly StockItem[]): Promise<void> {
    for (const next of items) await this.items.save({ next, events: [] });
  }
}
