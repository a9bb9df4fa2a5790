import type { Clock } from '@atlas/ports/application';
import type { ReservationRepository } from '../ports';

/**
 * Makes the stock of a cancelled order available again, whether reserved or sold. Does nothing for an order without a
 * reservation.
 */
export class ReleaseStock {
  constructor(
    private readonly reservations: ReservationRepository,
    private readonly clock: Clock,
  ) {}

  async execute(orderId: string): Promise<void> {
    await this.reservations.update(orderId, (current, stock) => current.release(stock, this.clock.now()));
  }
}
