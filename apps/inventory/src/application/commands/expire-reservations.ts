import type { Clock } from '@atlas/ports/application';
import type { ReservationRepository } from '../ports';

/** Few enough that nobody waits long for the stock that is locked meanwhile. */
const PAGE = 100;

/** Gives back what is held for longer than it may be. Safe to run in several replicas at a time, and again. */
export class ExpireReservations {
  constructor(
    private readonly reservations: ReservationRepository,
    private readonly clock: Clock,
  ) {}

  async execute(): Promise<void> {
    const now = this.clock.now();
    let updated: number;
    do {
      updated = await this.reservations.updateExpired(now, PAGE, (reservation, stock) =>
        reservation.expire(stock, now),
      );
    } while (updated === PAGE);
  }
}
