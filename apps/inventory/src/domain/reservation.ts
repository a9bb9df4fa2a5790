import { type Change, changed, unchanged } from '@atlas/kernel';
import type { ReservationEvent, Shortage } from './inventory-events';
import type { ReservationLine } from './reservation-line';
import type { Stock } from './stock';
import type { StockItem } from './stock-item';

/** The most lines that one order may have. */
export const MAX_LINES = 1_000;

/** `released` is by the order's cancellation, `expired` by time. */
export type ReservationStatus = 'held' | 'committed' | 'released' | 'expired' | 'rejected';

export interface ReservationState {
  /** The order's id: an order has one reservation. */
  readonly id: string;
  readonly status: ReservationStatus;
  readonly lines: readonly ReservationLine[];
  /** Why it was rejected; empty otherwise. */
  readonly shortages: readonly Shortage[];
  readonly version: number;
  readonly requestedAt: Date;
  /** When what is held is given back, unless the order is settled. */
  readonly expiresAt: Date;
  /** When it got its present status. */
  readonly changedAt: Date;
}

/** What a transition makes of the reservation and of the stock that it draws on. */
export interface ReservationChange extends Change<Reservation, ReservationEvent> {
  /** The stock of the SKUs that it moved, as it is afterwards. */
  readonly moved: readonly StockItem[];
}

/**
 * An order's claim on stock, for all of its lines or for none: held → committed, or released on the way or
 * afterwards; or rejected from the start. A hold ends by itself: an order that is never heard of again must not keep
 * stock from others for ever. What orders tells may come late or twice, so a transition that no longer fits changes
 * nothing.
 */
export class Reservation {
  constructor(private readonly state: ReservationState) {}

  /** Holds all lines, or names every one that can't be. @throws RangeError if there are none, too many, or one SKU twice. */
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
    const requested = { id, lines, version: 1, requestedAt: at, expiresAt, changedAt: at };
    const shortages = stock.shortages(lines);
    const [first, ...others] = shortages;
    if (first) {
      const rejected = new Reservation({ ...requested, status: 'rejected', shortages });
      return { ...changed(rejected, { type: 'stock-rejected', shortages: [first, ...others] }), moved: [] };
    }
    const held = new Reservation({ ...requested, status: 'held', shortages });
    return {
      ...changed(held, { type: 'stock-reserved', lines }),
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
   * The order is confirmed: what is held is sold. If the hold expired before that was heard of, it is sold from what
   * is on hand; if that falls short, the reservation is rejected after all.
   */
  commit(stock: Stock, at: Date): ReservationChange {
    const { status, lines } = this.state;
    if (status !== 'held' && status !== 'expired') return { ...unchanged(this), moved: [] };
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
        return (status === 'held' ? item : item.reserve(quantity)).commit(quantity);
      }),
    };
  }

  /** The order is cancelled: what is held, or was sold, is on hand again. */
  release(stock: Stock, at: Date): ReservationChange {
    const { status, lines } = this.state;
    if (status !== 'held' && status !== 'committed') return { ...unchanged(this), moved: [] };
    const released = this.become('released', at);
    return {
      ...changed(released, { type: 'stock-released', lines }),
      moved: lines.map(({ sku, quantity }) =>
        status === 'held' ? stock.item(sku).release(quantity) : stock.item(sku).restock(quantity),
      ),
    };
  }

  /** Its time is over: what is still held is on hand again. */
  expire(stock: Stock, at: Date): ReservationChange {
    const { status, lines, expiresAt } = this.state;
    if (status !== 'held' || at < expiresAt) return { ...unchanged(this), moved: [] };
    return {
      ...changed(this.become('expired', at), { type: 'stock-released', lines }),
      moved: lines.map(({ sku, quantity }) => stock.item(sku).release(quantity)),
    };
  }

  private become(status: ReservationStatus, at: Date): Reservation {
    return new Reservation({ ...this.state, status, version: this.state.version + 1, changedAt: at });
  }
}
