import type { Clock } from '@atlas/ports/application';
import type { ReservationRepository } from '../ports';

/** Few enough that nobody waits long for the stock that is locked together. */
const PAGE = 100;

/** Ends the reservations that have lasted too long. Safe to run in several replicas at once, and to repeat. */
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
