import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import type { Outbox } from '@atlas/ports/adapters';
import { ReservationRepository } from '../../../application/ports';
import type { Shortage } from '../../../domain/inventory-events';
import {
  Reservation,
  type ReservationChange,
  type ReservationState,
  type ReservationStatus,
} from '../../../domain/reservation';
import { ReservationLine } from '../../../domain/reservation-line';
import type { Stock } from '../../../domain/stock';
import { publishedEvents } from '../events/published-events';
import type { LockedStock } from './locked-stock';

interface ReservationRow {
  readonly id: string;
  readonly status: ReservationStatus;
  readonly shortages: readonly Shortage[];
  readonly version: number;
  readonly requested_at: Date;
  readonly expires_at: Date;
  readonly changed_at: Date;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
}

/** Every order passes here two or three times, so each step is one statement, in SQL as it is. */
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
      await this.lockedStock.takeTurn();
      const reservation = await this.load(id, 'FOR UPDATE');
      if (!reservation) return undefined;
      const stock = await this.lockedStock.load(reservation.lines.map((line) => line.sku));
      const changed = change(reservation, stock);
      if (changed.events.length > 0) {
        const { status, shortages, version, changedAt } = changed.next.snapshot();
        await this.unitOfWork.manager.query(
          'UPDATE reservation SET status = $2, shortages = $3, version = $4, changed_at = $5 WHERE id = $1',
          [id, status, JSON.stringify(shortages), version, changedAt],
        );
        await this.publish(changed);
      }
      return changed.next;
    });
  }

  updateExpired(
    now: Date,
    limit: number,
    change: (reservation: Reservation, stock: Stock) => ReservationChange,
  ): Promise<number> {
    return this.unitOfWork.run(async () => {
      await this.lockedStock.takeTurn();
      const expired: { id: string }[] = await this.unitOfWork.manager.query(
        `SELECT id FROM reservation WHERE status = 'held' AND expires_at <= $1
         ORDER BY expires_at LIMIT $2 FOR UPDATE`,
        [now, limit],
      );
      for (const { id } of expired) await this.update(id, change);
      return expired.length;
    });
  }

  find(id: string): Promise<Reservation | undefined> {
    return this.load(id);
  }

  /** Returns false if the order has a reservation already. */
  private async insert(reservation: ReservationState): Promise<boolean> {
    const { id, status, lines, shortages, version, requestedAt, expiresAt, changedAt } = reservation;
    const created: unknown[] = await this.unitOfWork.manager.query(
      `WITH created AS (
         INSERT INTO reservation (id, status, shortages, version, requested_at, expires_at, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id
       ), lines AS (
         INSERT INTO reservation_line (reservation_id, position, sku, quantity)
         SELECT id, number - 1, sku, quantity
         FROM created, unnest($8::text[], $9::integer[]) WITH ORDINALITY AS line (sku, quantity, number)
       )
       SELECT id FROM created`,
      [
        id,
        status,
        JSON.stringify(shortages),
        version,
        requestedAt,
        expiresAt,
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

  private async load(id: string, lock: 'FOR UPDATE' | '' = ''): Promise<Reservation | undefined> {
    const [row]: ReservationRow[] = await this.unitOfWork.manager.query(
      `SELECT id, status, shortages, version, requested_at, expires_at, changed_at, (
         SELECT json_agg(json_build_object('sku', sku, 'quantity', quantity) ORDER BY position)
         FROM reservation_line WHERE reservation_id = reservation.id
       ) AS lines
       FROM reservation WHERE id = $1 ${lock}`,
      [id],
    );
    return row && toReservation(row);
  }
}

function toReservation(row: ReservationRow): Reservation {
  return new Reservation({
    id: row.id,
    status: row.status,
    lines: row.lines.map(({ sku, quantity }) => new ReservationLine(sku, quantity)),
    shortages: row.shortages,
    version: row.version,
    requestedAt: row.requested_at,
    expiresAt: row.expires_at,
    changedAt: row.changed_at,
  });
}
