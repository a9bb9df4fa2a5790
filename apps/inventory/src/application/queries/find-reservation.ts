import type { Reservation } from '../../domain/reservation';
import type { ReservationRepository } from '../ports';

export class FindReservation {
  constructor(private readonly reservations: ReservationRepository) {}

  byOrder(id: string): Promise<Reservation | undefined> {
    return this.reservations.find(id);
  }
}
