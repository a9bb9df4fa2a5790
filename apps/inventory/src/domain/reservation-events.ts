import type { ReservationLine } from './reservation-line';

/** A line that could not be held. */
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

/** Units came in from outside or, if negative, were counted as gone. No other context needs to know. */
export interface StockReceived {
  readonly type: 'stock-received';
  readonly received: readonly { readonly sku: string; readonly quantity: number }[];
}
