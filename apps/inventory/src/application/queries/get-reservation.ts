import type { Reservation } from '../../domain/reservation';
import type { ReservationRepository } from '../ports';

export class GetReservation {
  constructor(private readonly reservations: ReservationRepository) {}

  execute(orderId: string): Promise<Reservation | undefined> {
    return this.reservations.get(orderId);
  }
}
