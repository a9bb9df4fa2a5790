import type { Clock } from '@atlas/ports/application';
import { type ReservationRepository, UnknownReservationError } from '../ports';

/** Sells the stock that is reserved for an order that was confirmed. */
export class CommitStock {
  constructor(
    private readonly reservations: ReservationRepository,
    private readonly clock: Clock,
  ) {}

  async execute(orderId: string): Promise<void> {
    const reservation = await this.reservations.update(orderId, (current, stock) =>
      current.commit(stock, this.clock.now()),
    );
    if (!reservation) throw new UnknownReservationError(orderId);
  }
}
