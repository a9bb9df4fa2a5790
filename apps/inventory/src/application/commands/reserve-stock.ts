import type { Clock } from '@atlas/ports/application';
import { Reservation } from '../../domain/reservation';
import { ReservationLine } from '../../domain/reservation-line';
import type { ReservationRepository } from '../ports';

export interface ReserveStockCommand {
  readonly orderId: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
}

/** Reserves stock for a placed order. If the order already has a reservation, keeps it. */
export class ReserveStock {
  constructor(
    private readonly reservations: ReservationRepository,
    private readonly clock: Clock,
    /** How long stock stays reserved, milliseconds. */
    private readonly reservedMs: number,
  ) {}

  async execute({ orderId, lines }: ReserveStockCommand): Promise<void> {
    if (await this.reservations.get(orderId)) return;
    const requested = lines.map(({ sku, quantity }) => new ReservationLine(sku, quantity));
    const skus = requested.map((line) => line.sku);
    await this.reservations.add(skus, (stock) => {
      const at = this.clock.now();
      const expiresAt = new Date(at.getTime() + this.reservedMs);
      return Reservation.request({ id: orderId, lines: requested, at, expiresAt }, stock);
    });
  }
}
