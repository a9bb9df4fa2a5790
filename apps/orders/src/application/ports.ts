import type { Money } from '@atlas/kernel';
import type { Order, OrderChange, OrderStatus } from '../domain/order';
import type { Price } from '../domain/price';

export interface OrderFilter {
  readonly status?: OrderStatus | undefined;
  readonly customerId?: string | undefined;
  /** The most orders to return. */
  readonly limit: number;
  /** The id of the last order of the previous page. */
  readonly after?: string | undefined;
}

/** Orders as a collection. A change is saved together with its events, or not at all. */
export abstract class OrderRepository {
  /** @throws Error if there is an order with its id already. */
  abstract add(placed: OrderChange): Promise<void>;

  /**
   * Locks the order against other updates, and saves what `change` makes of it.
   * @returns the order afterwards; undefined if there is none with this id.
   */
  abstract update(id: string, change: (order: Order) => OrderChange): Promise<Order | undefined>;

  /**
   * Does the same with at most `limit` of the orders that are due at `now`, the longest due first. Skips orders that
   * are being updated.
   * @returns them, afterwards.
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

/** The prices at which orders are placed. */
export abstract class PriceBook {
  /** The unit prices of those of `skus` that are known. */
  abstract pricesOf(skus: readonly string[]): Promise<ReadonlyMap<string, Money>>;

  /** Adds or replaces prices; orders that were placed keep theirs. */
  abstract set(prices: readonly Price[]): Promise<void>;

  /** By SKU, starting after `after`. */
  abstract list(limit: number, after?: string): Promise<readonly Price[]>;
}
