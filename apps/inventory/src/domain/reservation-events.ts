import type { ReservationLine } from './reservation-line';

/** A line that could not be reserved. */
export interface Shortage {
  readonly sku: string;
  readonly requested: number;
  readonly available: number;
}

/** What can happen to a reservation. */
export type ReservationEvent =
  | { readonly type: 'stock-reserved'; readonly lines: readonly ReservationLine[] }
  | { readonly type: 'stock-rejected'; readonly shortages: readonly [Shortage, ...Shortage[]] }
  | { readonly type: 'stock-committed'; readonly lines: readonly ReservationLine[] }
  | { readonly type: 'stock-released'; readonly lines: readonly ReservationLine[] };

/** Units were received or, if negative, counted as missing. Not published. */
export interface StockReceived {
  readonly type: 'stock-received';
  readonly received: readonly { readonly sku: string; readonly quantity: number }[];
}
