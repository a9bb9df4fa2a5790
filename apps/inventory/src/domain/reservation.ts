import { type Change, changed, MAX_LINES, unchanged } from '@atlas/kernel';
import type { ReservationEvent, Shortage } from './inventory-events';
import type { ReservationLine } from './reservation-line';
import type { Stock } from './stock';
import type { StockItem } from './stock-item';

export type ReservationStatus = 'held' | 'committed' | 'released' | 'rejected';

export interface ReservationState {
  /** The order's id: an order has one reservation. */
  readonly id: string;
  readonly status: ReservationStatus;
  readonly lines: readonly ReservationLine[];
  /** Why it was rejected; empty otherwise. */
  readonly shortages: readonly Shortage[];
  readonly version: number;
  readonly requestedAt: Date;
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
 * afterwards; or rejected from the start. What orders tells may come late or twice, so a transition that no longer
 * fits changes nothing.
 */
export class Reservation {
  constructor(private readonly state: ReservationState) {}

  /** Holds all lines, or names every one that can't be. @throws RangeError if there are none, too many, or one SKU twice. */
  static request(
    order: { readonly id: string; readonly lines: readonly ReservationLine[]; readonly at: Date },
    stock: Stock,
  ): ReservationChange {
    const { id, lines, at } = order;
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

  /** The order is confirmed: what is held is sold. */
  commit(stock: Stock, at: Date): ReservationChange {
    const { status, lines } = this.state;
    if (status !== 'held') return { ...unchanged(this), moved: [] };
    const committed = this.become('committed', at);
    return {
      ...changed(committed, { type: 'stock-committed', lines }),
      moved: lines.map(({ sku, quantity }) => stock.item(sku).commit(quantity)),
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

  private become(status: ReservationStatus, at: Date): Reservation {
    return new Reservation({ ...this.state, status, version: this.state.version + 1, changedAt: at });
  }
}
