import type { Clock } from '@atlas/ports/application';
import type { ReservationRepository } from '../ports';

/** Small, because the stock of all of them is locked together. */
const PAGE = 100;

/** Expires reservations that are due. Safe to repeat and to run in several replicas concurrently. */
export class ExpireReservations {
  constructor(
    private readonly reservations: ReservationRepository,
    private readonly clock: Clock,
  ) {}

  async execute(): Promise<void> {
    const now = this.clock.now();
    let expired: number;
    do {
      const updated = await this.reservations.updateDue(now, PAGE, (reservation, stock) =>
        reservation.expire(stock, now),
      );
      expired = updated.length;
    } while (expired === PAGE);
  }
}
