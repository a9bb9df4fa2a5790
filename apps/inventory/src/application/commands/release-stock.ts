import type { Clock } from '@atlas/ports/application';
import type { ReservationRepository } from '../ports';

/** Gives back what is held, or was sold, for an order that was cancelled; if there is nothing, nothing is given back. */
export class ReleaseStock {
  constructor(
    private readonly reservations: ReservationRepository,
    private readonly clock: Clock,
  ) {}

  async execute(orderId: string): Promise<void> {
    await this.reservations.update(orderId, (current, stock) => current.release(stock, this.clock.now()));
  }
}
