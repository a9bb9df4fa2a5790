import { type Change, changed, unchanged } from '@atlas/kernel';
import type { ReservationEvent, Shortage } from './reservation-events';
import type { ReservationLine } from './reservation-line';
import type { Stock } from './stock';
import type { StockItem } from './stock-item';

/** The maximum number of lines of an order. */
export const MAX_LINES = 1_000;

/** `released`: the order was cancelled; `expired`: the order was not settled in time. */
export const RESERVATION_STATUSES = ['reserved', 'committed', 'released', 'expired', 'rejected'] as const;

export type ReservationStatus = (typeof RESERVATION_STATUSES)[number];

export interface ReservationState {
  /** The order's id: an order has one reservation. */
  readonly id: string;
  readonly status: ReservationStatus;
  readonly lines: readonly ReservationLine[];
  /** Why it was rejected; empty otherwise. */
  readonly shortages: readonly Shortage[];
  readonly version: number;
  readonly requestedAt: Date;
  /** When the stock becomes available again unless the order is settled by then; undefined unless it is reserved. */
  readonly expiresAt?: Date | undefined;
  /** When it reached its current status. */
  readonly changedAt: Date;
}

/** The result of a transition: the reservation and the stock that it moved. */
export interface ReservationChange extends Change<Reservation, ReservationEvent> {
  /** The updated stock of the SKUs that it moved. */
  readonly moved: readonly StockItem[];
}

/**
 * An order's claim on stock, for all of its lines or none: reserved → committed, or released before or after that; or
 * rejected from the start. Reservations expire, so that orders that are never settled don't block stock for ever.
 * Events of orders may arrive late or twice, so a transition that no longer applies changes nothing.
 */
export class Reservation {
  constructor(private readonly state: ReservationState) {}

  /** Reserves all lines, or names every shortage. @throws RangeError if there are none, too many, or one SKU twice. */
  static request(
    order: {
      readonly id: string;
      readonly lines: readonly ReservationLine[];
      readonly at: Date;
      readonly expiresAt: Date;
    },
    stock: Stock,
  ): ReservationChange {
    const { id, lines, at, expiresAt } = order;
    if (lines.length < 1 || lines.length > MAX_LINES) {
      throw new RangeError(`A reservation has 1 to ${MAX_LINES} lines, not ${lines.length}`);
    }
    if (new Set(lines.map((line) => line.sku)).size < lines.length) {
      throw new RangeError('A reservation has one line for each SKU');
    }
    const requested = { id, lines, version: 1, requestedAt: at, changedAt: at };
    const shortages = stock.shortages(lines);
    const [first, ...others] = shortages;
    if (first) {
      const rejected = new Reservation({ ...requested, status: 'rejected', shortages });
      return { ...changed(rejected, { type: 'stock-rejected', shortages: [first, ...others] }), moved: [] };
    }
    const reserved = new Reservation({ ...requested, status: 'reserved', shortages, expiresAt });
    return {
      ...changed(reserved, { type: 'stock-reserved', lines }),
      moved: lines.map(({ sku, quantity }) => stock.item(sku).reserve(quantity)),
    };
  }

  get id(): string {
    return this.state.id;
  }

  get version(): number {
    return this.state.version;
  }

  get lines(): readonly ReservationLine[] {
    return this.state.lines;
  }

  snapshot(): ReservationState {
    return this.state;
  }

  /**
   * The order is confirmed: its reserved stock is sold. If the reservation has expired meanwhile, available stock is
   * sold instead; if that is not enough, the reservation is rejected.
   */
  commit(stock: Stock, at: Date): ReservationChange {
    const { status, lines } = this.state;
    if (status !== 'reserved' && status !== 'expired') return { ...unchanged(this), moved: [] };
    const [first, ...others] = status === 'expired' ? stock.shortages(lines) : [];
    if (first) {
      const shortages = [first, ...others] as const;
      const rejected = new Reservation({ ...this.become('rejected', at).state, shortages });
      return { ...changed(rejected, { type: 'stock-rejected', shortages: [...shortages] }), moved: [] };
    }
    return {
      ...changed(this.become('committed', at), { type: 'stock-committed', lines }),
      moved: lines.map(({ sku, quantity }) => {
        const item = stock.item(sku);
        return (status === 'reserved' ? item : item.reserve(quantity)).commit(quantity);
      }),
    };
  }

  /** The order is cancelled: its stock, reserved or sold, is available again. */
  release(stock: Stock, at: Date): ReservationChange {
    const { status, lines } = this.state;
    if (status !== 'reserved' && status !== 'committed') return { ...unchanged(this), moved: [] };
    const released = this.become('released', at);
    return {
      ...changed(released, { type: 'stock-released', lines }),
      moved: lines.map(({ sku, quantity }) =>
        status === 'reserved' ? stock.item(sku).release(quantity) : stock.item(sku).restock(quantity),
      ),
    };
  }

  /** The reservation has expired: its stock is available again. */
  expire(stock: Stock, at: Date): ReservationChange {
    const { lines, expiresAt } = this.state;
    if (expiresAt === undefined || at < expiresAt) return { ...unchanged(this), moved: [] };
    return {
      ...changed(this.become('expired', at), { type: 'stock-released', lines }),
      moved: lines.map(({ sku, quantity }) => stock.item(sku).release(quantity)),
    };
  }

  private become(status: ReservationStatus, at: Date): Reservation {
    const { version } = this.state;
    return new Reservation({
      ...this.state,
      status,
      version: version + 1,
      expiresAt: undefined,
      changedAt: at,
    });
  }
}
