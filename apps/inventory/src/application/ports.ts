import type { Reservation, ReservationChange } from '../domain/reservation';
import type { Stock, StockChange } from '../domain/stock';
import type { StockItem } from '../domain/stock-item';

/**
 * The collection of reservations. A change, the stock that it moves and its events are saved atomically. Concurrent
 * changes of that stock are serialized.
 *
 * why: one port saves two kinds of aggregates, so that a reservation and its stock can't diverge.
 */
export abstract class ReservationRepository {
  /**
   * Saves the result of `request`, applied to the current stock of `skus`.
   * @throws Error if the order already has a reservation.
   */
  abstract add(skus: readonly string[], request: (stock: Stock) => ReservationChange): Promise<void>;

  /**
   * Locks the reservation and the stock of its lines, and saves the result of `change`.
   * @returns the updated reservation; undefined if the order has none.
   */
  abstract update(
    id: string,
    change: (reservation: Reservation, stock: Stock) => ReservationChange,
  ): Promise<Reservation | undefined>;

  /**
   * The same for at most `limit` reservations that are due at `now`, the longest overdue first. Skips reservations that
   * are being updated.
   * @returns the updated reservations.
   */
  abstract updateDue(
    now: Date,
    limit: number,
    change: (reservation: Reservation, stock: Stock) => ReservationChange,
  ): Promise<readonly Reservation[]>;

  abstract get(id: string): Promise<Reservation | undefined>;
}

/** Another context refers to the reservation of an order that doesn't have one. */
export class UnknownReservationError extends Error {
  override readonly name = 'UnknownReservationError';

  constructor(orderId: string) {
    super(`Order ${orderId} has no reservation, but another context refers to it`);
  }
}

/** The stock of all SKUs. */
export abstract class StockRepository {
  /** Locks the stock of `skus`, and saves the result of `change`; afterwards each of them has stock, if empty. */
  abstract update(skus: readonly string[], change: (stock: Stock) => StockChange): Promise<Stock>;

  abstract get(sku: string): Promise<StockItem | undefined>;

  /** By SKU, starting after `after`. */
  abstract list(limit: number, after?: string): Promise<readonly StockItem[]>;
}
