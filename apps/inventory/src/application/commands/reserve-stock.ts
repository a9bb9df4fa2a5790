import type { Clock } from '@atlas/ports/application';
import { Reservation } from '../../domain/reservation';
import { ReservationLine } from '../../domain/reservation-line';
import type { ReservationRepository } from '../ports';

export interface ReserveStockCommand {
  readonly orderId: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
}

/** Holds stock for an order that was placed. */
export class ReserveStock {
  constructor(
    private readonly reservations: ReservationRepository,
    private readonly clock: Clock,
    /** How long stock is held, milliseconds. */
    private readonly holdMs: number,
  ) {}

  execute({ orderId, lines }: ReserveStockCommand): Promise<void> {
    const requested = lines.map(({ sku, quantity }) => new ReservationLine(sku, quantity));
    const skus = requested.map((line) => line.sku);
    return this.reservations.create(skus, (stock) => {
      const at = this.clock.now();
      const expiresAt = new Date(at.getTime() + this.holdMs);
      return Reservation.request({ id: orderId, lines: requested, at, expiresAt }, stock);
    });
  }
}
