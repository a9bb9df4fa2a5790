import type { Outbox } from '@atlas/ports/adapters';
import { MemoryAggregateStore, type MemoryUnitOfWork } from '@atlas/testing';
import { ReservationRepository } from '../../../application/ports';
import type { Reservation, ReservationChange } from '../../../domain/reservation';
import type { ReservationEvent } from '../../../domain/reservation-events';
import type { Stock } from '../../../domain/stock';
import { published } from '../events/published-events';
import { type MemoryStockRepository, STOCK_TURN } from './stock.repository';

type ChangeReservation = (reservation: Reservation, stock: Stock) => ReservationChange;

export class MemoryReservationRepository extends ReservationRepository {
  private readonly reservations: MemoryAggregateStore<Reservation, ReservationEvent>;

  constructor(
    private readonly unitOfWork: MemoryUnitOfWork,
    private readonly stock: MemoryStockRepository,
    outbox: Outbox,
  ) {
    super();
    this.reservations = new MemoryAggregateStore(unitOfWork, outbox, {
      name: 'reservation',
      dueAt: (reservation) => reservation.snapshot().expiresAt,
      published,
      turn: STOCK_TURN,
    });
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
    const changed = change(reservation, await this.stock.lock(reservation.lines.map((line) => line.sku)));
    await this.reservations.save(changed);
    await this.stock.save(changed.moved);
    return changed.next;
  }
}
