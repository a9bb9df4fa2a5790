import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import type { Outbox } from '@atlas/ports';
import { ReservationRepository } from '../../../application/ports';
import { Reservation, type ReservationChange, type ReservationState } from '../../../domain/reservation';
import { ReservationLine } from '../../../domain/reservation-line';
import type { Stock } from '../../../domain/stock';
import { publishedEvents } from '../events/published-events';
import type { LockedStock } from './locked-stock';
import { ReservationEntity, type ReservationRow } from './reservation.entity';

export class PostgresReservationRepository extends ReservationRepository {
  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    private readonly lockedStock: LockedStock,
    private readonly outbox: Outbox,
  ) {
    super();
  }

  create(skus: readonly string[], request: (stock: Stock) => ReservationChange): Promise<void> {
    return this.unitOfWork.run(async () => {
      const requested = request(await this.lockedStock.load(skus));
      if (await this.insert(requested.next.snapshot())) await this.publish(requested);
    });
  }

  update(
    id: string,
    change: (reservation: Reservation, stock: Stock) => ReservationChange,
  ): Promise<Reservation | undefined> {
    return this.unitOfWork.run(async () => {
      // Before the reservation's own row, so that all take their locks in one order.
      await this.lockedStock.load([]);
      const row = await this.select(id).setLock('pessimistic_write', undefined, ['reservation']).getOne();
      if (!row) return undefined;
      const stock = await this.lockedStock.load(row.lines.map((line) => line.sku));
      const changed = change(toReservation(row), stock);
      if (changed.events.length > 0) {
        const { status, version, changedAt } = changed.next.snapshot();
        await this.unitOfWork.manager.update(ReservationEntity, { id }, { status, version, changedAt });
        await this.publish(changed);
      }
      return changed.next;
    });
  }

  async find(id: string): Promise<Reservation | undefined> {
    const row = await this.select(id).getOne();
    return row ? toReservation(row) : undefined;
  }

  /** One round trip for all rows, as every order passes here. Returns false if the order has a reservation already. */
  private async insert(reservation: ReservationState): Promise<boolean> {
    const { id, status, lines, shortages, version, requestedAt, changedAt } = reservation;
    const created: unknown[] = await this.unitOfWork.manager.query(
      `WITH created AS (
         INSERT INTO reservation (id, status, shortages, version, requested_at, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id
       ), lines AS (
         INSERT INTO reservation_line (reservation_id, position, sku, quantity)
         SELECT id, number - 1, sku, quantity
         FROM created, unnest($7::text[], $8::integer[]) WITH ORDINALITY AS line (sku, quantity, number)
       )
       SELECT id FROM created`,
      [
        id,
        status,
        JSON.stringify(shortages),
        version,
        requestedAt,
        changedAt,
        lines.map((line) => line.sku),
        lines.map((line) => line.quantity),
      ],
    );
    return created.length > 0;
  }

  private async publish(change: ReservationChange): Promise<void> {
    await this.lockedStock.save(change.moved);
    await this.outbox.add(publishedEvents(change));
  }

  private select(id: string) {
    return this.unitOfWork.manager
      .createQueryBuilder(ReservationEntity, 'reservation')
      .innerJoinAndSelect('reservation.lines', 'line')
      .where('reservation.id = :id', { id })
      .orderBy('line.position');
  }
}

function toReservation(row: ReservationRow): Reservation {
  return new Reservation({
    id: row.id,
    status: row.status,
    lines: row.lines.map(({ sku, quantity }) => new ReservationLine(sku, quantity)),
    shortages: row.shortages,
    version: row.version,
    requestedAt: row.requestedAt,
    changedAt: row.changedAt,
  });
}
