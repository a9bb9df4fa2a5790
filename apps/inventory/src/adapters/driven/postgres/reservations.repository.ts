import { AggregateStore, type PostgresUnitOfWork } from '@atlas/adapters/postgres';
import type { Outbox } from '@atlas/ports/adapters';
import { ReservationRepository } from '../../../application/ports';
import type { Reservation, ReservationChange } from '../../../domain/reservation';
import type { ReservationEvent } from '../../../domain/reservation-events';
import type { Stock } from '../../../domain/stock';
import { reservationMapping, type ReservationRow } from './reservation.mapping';
import type { StockItems } from './stock-items';

type ChangeReservation = (reservation: Reservation, stock: Stock) => ReservationChange;

export class PostgresReservationRepository extends ReservationRepository {
  private readonly reservations: AggregateStore<Reservation, ReservationEvent, ReservationRow>;

  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    private readonly stock: StockItems,
    outbox: Outbox,
  ) {
    super();
    this.reservations = new AggregateStore(unitOfWork, outbox, reservationMapping);
  }

  add(skus: readonly string[], request: (stock: Stock) => ReservationChange): Promise<void> {
    return this.unitOfWork.run(async () => {
      const requested = request(await this.stock.lock(skus));
      await this.reservations.add(requested);
      await this.stock.save(requested.moved);
    });
  }

  update(id: string, change: ChangeReservation): Promise<Reservation | undefined> {
    return this.unitOfWork.run(async () => {
      const [reservation] = await this.reservations.lock([id]);
      return reservation && this.save(reservation, change);
    });
  }

  updateDue(now: Date, limit: number, change: ChangeReservation): Promise<readonly Reservation[]> {
    return this.unitOfWork.run(async () => {
      const updated: Reservation[] = [];
      for (const reservation of await this.reservations.lockDue(now, limit)) {
        updated.push(await this.save(reservation, change));
      }
      return updated;
    });
  }

  get(id: string): Promise<Reservation | undefined> {
    return this.reservations.get(id);
  }

  private async save(reservation: Reservation, change: ChangeReservation): Promise<Reservation> {
    const stock = await this.stock.lock(reservation.lines.map((line) => line.sku));
    const changed = change(reservation, stock);
    await this.reservations.save(changed);
    await this.stock.save(changed.moved);
    return changed.next;
  }
}
