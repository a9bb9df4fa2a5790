import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import type { Outbox } from '@atlas/ports';
import { ReservationRepository } from '../../../application/ports';
import { Reservation, type ReservationChange } from '../../../domain/reservation';
import { ReservationLine } from '../../../domain/reservation-line';
import type { Stock } from '../../../domain/stock';
import type { StockItem } from '../../../domain/stock-item';
import { publishedEvents } from '../events/published-events';
import { ReservationEntity, type ReservationRow } from './reservation.entity';
import { lockStock } from './stock-rows';

/** Parameters $1 to $4; `received` stays as it is, so the table's check finds units that get lost on the way. */
const MOVE_STOCK = `
  UPDATE stock SET on_hand = item.on_hand, reserved = item.reserved, sold = item.sold
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) AS item (sku, on_hand, reserved, sold)
  WHERE stock.sku = item.sku`;

/** Raw SQL where every order passes through: two round trips to reserve, three to commit or release. */
export class PostgresReservationRepository extends ReservationRepository {
  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    private readonly outbox: Outbox,
  ) {
    super();
  }

  create(id: string, skus: readonly string[], request: (stock: Stock) => ReservationChange): Promise<void> {
    return this.unitOfWork.run(async () => {
      const requested = request(await lockStock(this.unitOfWork.manager, skus));
      const { status, lines, shortages, version, requestedAt, changedAt } = requested.next.snapshot();
      const created: unknown[] = await this.unitOfWork.manager.query(
        `WITH created AS (
           INSERT INTO reservation (id, status, shortages, version, requested_at, changed_at)
           VALUES ($5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING id
         ), lines AS (
           INSERT INTO reservation_line (reservation_id, position, sku, quantity)
           SELECT created.id, line.number - 1, line.sku, line.quantity
           FROM created, unnest($11::text[], $12::integer[]) WITH ORDINALITY AS line (sku, quantity, number)
         ), moved AS (${MOVE_STOCK} AND EXISTS (SELECT FROM created))
         SELECT id FROM created`,
        [
          ...levelsOf(requested.moved),
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
      if (created.length > 0) await this.outbox.add(publishedEvents(requested));
    });
  }

  update(
    id: string,
    change: (reservation: Reservation, stock: Stock) => ReservationChange,
  ): Promise<Reservation | undefined> {
    return this.unitOfWork.run(async () => {
      const row = await this.select(id).setLock('pessimistic_write', undefined, ['reservation']).getOne();
      if (!row) return undefined;
      const skus = row.lines.map((line) => line.sku);
      const changed = change(toReservation(row), await lockStock(this.unitOfWork.manager, skus));
      if (changed.events.length > 0) {
        const { status, version, changedAt } = changed.next.snapshot();
        await this.unitOfWork.manager.query(
          `WITH moved AS (${MOVE_STOCK})
           UPDATE reservation SET status = $6, version = $7, changed_at = $8 WHERE id = $5`,
          [...levelsOf(changed.moved), id, status, version, changedAt],
        );
        await this.outbox.add(publishedEvents(changed));
      }
      return changed.next;
    });
  }

  async find(id: string): Promise<Reservation | undefined> {
    const row = await this.select(id).getOne();
    return row ? toReservation(row) : undefined;
  }

  private select(id: string) {
    return this.unitOfWork.manager
      .createQueryBuilder(ReservationEntity, 'reservation')
      .innerJoinAndSelect('reservation.lines', 'line')
      .where('reservation.id = :id', { id })
      .orderBy('line.position');
  }
}

/** The parameters of {@link MOVE_STOCK}. */
const levelsOf = (items: readonly StockItem[]): unknown[] => [
  items.map((item) => item.sku),
  items.map((item) => item.levels.onHand),
  items.map((item) => item.levels.reserved),
  items.map((item) => item.levels.sold),
];

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
