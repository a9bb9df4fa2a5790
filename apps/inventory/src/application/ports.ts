import type { Reservation, ReservationChange } from '../domain/reservation';
import type { Stock, StockChange } from '../domain/stock';
import type { StockItem } from '../domain/stock-item';

/**
 * Reservations as a collection. What happens to one is saved together with the stock that it moves and the events
 * that tell it, or not at all; and alone against every other change of that stock.
 */
export abstract class ReservationRepository {
  /** Saves what `request` makes of the present stock of `skus`, unless its order has a reservation already. */
  abstract create(skus: readonly string[], request: (stock: Stock) => ReservationChange): Promise<void>;

  /**
   * Loads the reservation and the stock of its lines, and saves what `change` makes of them.
   * @returns the reservation afterwards; undefined if the order has none.
   */
  abstract update(
    id: string,
    change: (reservation: Reservation, stock: Stock) => ReservationChange,
  ): Promise<Reservation | undefined>;

  /**
   * Does the same with at most `limit` of the reservations that are held and had expired at `now`.
   * @returns how many there were.
   */
  abstract updateExpired(
    now: Date,
    limit: number,
    change: (reservation: Reservation, stock: Stock) => ReservationChange,
  ): Promise<number>;

  abstract find(id: string): Promise<Reservation | undefined>;
}

/** The stock of all SKUs. */
export abstract class StockRepository {
  /** Saves what `change` makes of the present stock of `skus`, alone against every other change of it. */
  abstract update(skus: readonly string[], change: (stock: Stock) => StockChange): Promise<Stock>;

  abstract find(sku: string): Promise<StockItem | undefined>;

  /** By SKU, from the one after `after` on. */
  abstract list(limit: number, after?: string): Promise<readonly StockItem[]>;
}
