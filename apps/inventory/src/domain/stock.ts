import { type Change, changed, unchanged } from '@atlas/kernel';
import type { Shortage, StockReceived } from './inventory-events';
import type { ReservationLine } from './reservation-line';
import { StockItem } from './stock-item';

export interface StockCount {
  readonly sku: string;
  readonly onHand: number;
}

export type StockChange = Change<Stock, StockReceived>;

/** The stock of some SKUs at one moment; what a reservation draws on as a whole or not at all. */
export class Stock {
  private constructor(private readonly bySku: ReadonlyMap<string, StockItem>) {}

  static of(items: Iterable<StockItem>): Stock {
    return new Stock(new Map(Array.from(items, (item) => [item.sku, item])));
  }

  /** This stock with `items` in place of what it had of their SKUs. */
  with(items: readonly StockItem[]): Stock {
    return Stock.of([...this.bySku.values(), ...items]);
  }

  /** Of a SKU that nobody ever stocked there is nothing. */
  item(sku: string): StockItem {
    return this.bySku.get(sku) ?? new StockItem(sku);
  }

  /** The lines that ask for more than is on hand. */
  shortages(lines: readonly ReservationLine[]): readonly Shortage[] {
    return lines
      .map(({ sku, quantity }) => ({ sku, requested: quantity, available: this.item(sku).levels.onHand }))
      .filter(({ requested, available }) => requested > available);
  }

  /** Takes over what was counted, each SKU once; reservations keep what they hold. */
  setOnHand(counts: readonly StockCount[]): StockChange {
    const received = counts
      .map(({ sku, onHand }) => ({ sku, quantity: onHand - this.item(sku).levels.onHand }))
      .filter(({ quantity }) => quantity !== 0);
    if (received.length === 0) return unchanged(this);
    const next = this.with(counts.map(({ sku, onHand }) => this.item(sku).setOnHand(onHand)));
    return changed(next, { type: 'stock-received', received });
  }
}
