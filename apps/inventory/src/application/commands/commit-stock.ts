import type { Clock } from '@atlas/ports/application';
import { type ReservationRepository, UnknownReservationError } from '../ports';

/** Marks the reserved stock of a confirmed order as sold. */
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
