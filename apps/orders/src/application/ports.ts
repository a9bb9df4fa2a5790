import type { Money } from '@atlas/kernel';
import type { Order, OrderChange, OrderStatus } from '../domain/order';
import type { Price } from '../domain/price';

export interface OrderFilter {
  readonly status?: OrderStatus | undefined;
  readonly customerId?: string | undefined;
  /** The maximum number of orders to return. */
  readonly limit: number;
  /** The id of the last order of the previous page. */
  readonly after?: string | undefined;
}

/** The collection of orders. A change and its events are saved atomically. */
export abstract class OrderRepository {
  /** @throws Error if its id already exists. */
  abstract add(placed: OrderChange): Promise<void>;

  /**
   * Locks the order against other updates, and saves the result of `change`.
   * @returns the updated order; undefined if there is none with this id.
   */
  abstract update(id: string, change: (order: Order) => OrderChange): Promise<Order | undefined>;

  /**
   * The same for at most `limit` orders that are due at `now`, the longest overdue first. Skips orders that are being
   * updated.
   * @returns the updated orders.
   */
  abstract updateDue(
    now: Date,
    limit: number,
    change: (order: Order) => OrderChange,
  ): Promise<readonly Order[]>;

  abstract get(id: string): Promise<Order | undefined>;

  /** Newest first. */
  abstract list(filter: OrderFilter): Promise<readonly Order[]>;
}

/** Another context refers to an order that does not exist. */
export class UnknownOrderError extends Error {
  override readonly name = 'UnknownOrderError';

  constructor(orderId: string) {
    super(`There is no order ${orderId}, but another context refers to it`);
  }
}

/**
 * The prices at which orders are placed: a copy of what the catalog has said last.
 *
 * why: a price is replaced as a whole, and placed orders keep theirs, so the last write wins, without a lock.
 */
export abstract class PriceBook {
  /** The unit prices of `skus`; unknown SKUs are omitted. */
  abstract pricesOf(skus: readonly string[]): Promise<ReadonlyMap<string, Money>>;

  /** Adds or replaces prices; placed orders keep theirs. */
  abstract set(prices: readonly Price[]): Promise<void>;

  /** What is not for sale has no price; placed orders keep theirs. No effect on unknown SKUs. */
  abstract remove(sku: string): Promise<void>;

  /** By SKU, starting after `after`. */
  abstract list(limit: number, after?: string): Promise<readonly Price[]>;
}
