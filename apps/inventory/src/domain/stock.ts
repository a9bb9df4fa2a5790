import { type Change, changed, unchanged } from '@atlas/kernel';
import type { Shortage, StockReceived } from './reservation-events';
import type { ReservationLine } from './reservation-line';
import { StockItem } from './stock-item';

export interface StockCount {
  readonly sku: string;
  readonly available: number;
}

export type StockChange = Change<Stock, StockReceived>;

/** The stock of several SKUs at one moment; a reservation gets everything it requests, or nothing. */
export class Stock {
  private constructor(private readonly bySku: ReadonlyMap<string, StockItem>) {}

  static of(items: Iterable<StockItem>): Stock {
    return new Stock(new Map(Array.from(items, (item) => [item.sku, item])));
  }

  /** A copy in which `items` replace the items with the same SKUs. */
  with(items: readonly StockItem[]): Stock {
    return Stock.of([...this.bySku.values(), ...items]);
  }

  /** A SKU that was never stocked has empty stock. */
  item(sku: string): StockItem {
    return this.bySku.get(sku) ?? new StockItem(sku);
  }

  /** The lines that request more than is available. */
  shortages(lines: readonly ReservationLine[]): readonly Shortage[] {
    return lines
      .map(({ sku, quantity }) => ({ sku, requested: quantity, available: this.item(sku).levels.available }))
      .filter(({ requested, available }) => requested > available);
  }

  /** Sets the counted levels, each SKU once; reservations are unaffected. */
  setAvailable(counts: readonly StockCount[]): StockChange {
    const received = counts
      .map(({ sku, available }) => ({ sku, quantity: available - this.item(sku).levels.available }))
      .filter(({ quantity }) => quantity !== 0);
    if (received.length === 0) return unchanged(this);
    const next = this.with(counts.map(({ sku, available }) => this.item(sku).setAvailable(available)));
    return changed(next, { type: 'stock-received', received });
  }
}
