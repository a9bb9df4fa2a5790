import type { Reservation, ReservationChange } from '../domain/reservation';
import type { Stock, StockChange } from '../domain/stock';
import type { StockItem } from '../domain/stock-item';

/**
 * Reservations as a collection. A change is saved together with the stock that it moves and its events, or not at all;
 * no other change of that stock runs at the same time.
 */
export abstract class ReservationRepository {
  /**
   * Saves what `request` makes of the current stock of `skus`.
   * @throws Error if the order has a reservation already.
   */
  abstract add(skus: readonly string[], request: (stock: Stock) => ReservationChange): Promise<void>;

  /**
   * Locks the reservation and the stock of its lines, and saves what `change` makes of them.
   * @returns the reservation afterwards; undefined if the order has none.
   */
  abstract update(
    id: string,
    change: (reservation: Reservation, stock: Stock) => ReservationChange,
  ): Promise<Reservation | undefined>;

  /**
   * Does the same with at most `limit` of the reservations that are due at `now`, the longest due first. Skips
   * reservations that are being updated.
   * @returns them, afterwards.
   */
  abstract updateDue(
    now: Date,
    limit: number,
    change: (reservation: Reservation, stock: Stock) => ReservationChange,
  ): Promise<readonly Reservation[]>;

  abstract get(id: string): Promise<Reservation | undefined>;
}

/** Another context refers to the reservation of an order that has none. */
export class UnknownReservationError extends Error {
  override readonly name = 'UnknownReservationError';

  constructor(orderId: string) {
    super(`Order ${orderId} has no reservation, but another context refers to it`);
  }
}

/** The stock of all SKUs. */
export abstract class StockRepository {
  /** Locks the stock of `skus` against every other change, and saves what `change` makes of it. */
  abstract update(skus: readonly string[], change: (stock: Stock) => StockChange): Promise<Stock>;

  abstract get(sku: string): Promise<StockItem | undefined>;

  /** By SKU, starting after `after`. */
  abstract list(limit: number, after?: string): Promise<readonly StockItem[]>;
}
