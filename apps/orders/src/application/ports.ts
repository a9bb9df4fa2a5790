import type { Money } from '@atlas/kernel';
import type { Order, OrderChange, OrderStatus } from '../domain/order';
import type { Price } from '../domain/price';

export interface OrderFilter {
  readonly status?: OrderStatus | undefined;
  readonly customerId?: string | undefined;
  /** At most so many. */
  readonly limit: number;
  /** The id of the last order of the page before. */
  readonly after?: string | undefined;
}

/** Orders as a collection; what happens to one is saved together with the events that tell it, or not at all. */
export abstract class OrderRepository {
  abstract create(placed: OrderChange): Promise<void>;

  /**
   * Loads the order, alone against other updates of it, and saves what `change` makes of it.
   * @returns the order afterwards; undefined if there is none with this id.
   */
  abstract update(id: string, change: (order: Order) => OrderChange): Promise<Order | undefined>;

  /** Tells what the open unit of work is going to update, so that it can be loaded together. Unknown ids are no error. */
  abstract willUpdate(ids: readonly string[]): Promise<void>;

  /**
   * Does the same with at most `limit` of the unsettled orders that were due at `now`, leaving out those that are
   * being updated.
   * @returns how many there were.
   */
  abstract updateDue(now: Date, limit: number, change: (order: Order) => OrderChange): Promise<number>;

  abstract find(id: string): Promise<Order | undefined>;

  /** Newest first. */
  abstract list(filter: OrderFilter): Promise<readonly Order[]>;
}

/** The prices that orders are placed at. */
export abstract class PriceBook {
  /** The unit prices of those of `skus` that are known. */
  abstract pricesOf(skus: readonly string[]): Promise<ReadonlyMap<string, Money>>;

  /** Adds or replaces prices; orders that were placed keep theirs. */
  abstract set(prices: readonly Price[]): Promise<void>;

  /** By SKU, from the one after `after` on. */
  abstract list(limit: number, after?: string): Promise<readonly Price[]>;
}
