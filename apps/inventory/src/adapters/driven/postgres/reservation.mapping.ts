import type { AggregateMapping } from '@atlas/adapters/postgres';
import { EntitySchema } from 'typeorm';
import { Reservation, type ReservationStatus } from '../../../domain/reservation';
import type { ReservationEvent, Shortage } from '../../../domain/reservation-events';
import { ReservationLine } from '../../../domain/reservation-line';
import { published } from '../events/published-events';
import { STOCK_TURN } from './stock.mapping';

export interface ReservationRow {
  /** The order's id. */
  id: string;
  status: ReservationStatus;
  shortages: Shortage[];
  version: number;
  requestedAt: Date;
  /** When it expires. */
  dueAt: Date | null;
  changedAt: Date;
  lines: ReservationLineRow[];
}

export interface ReservationLineRow {
  reservationId?: string;
  /** Position within the reservation, from 0. */
  position: number;
  sku: string;
  quantity: number;
  reservation?: ReservationRow;
}

export const ReservationEntity = new EntitySchema<ReservationRow>({
  name: 'reservation',
  tableName: 'reservation',
  columns: {
    id: { type: 'uuid', primary: true },
    status: { type: 'text' },
    shortages: { type: 'jsonb' },
    version: { type: 'integer' },
    requestedAt: { name: 'requested_at', type: 'timestamptz', update: false },
    dueAt: { name: 'due_at', type: 'timestamptz', nullable: true },
    changedAt: { name: 'changed_at', type: 'timestamptz' },
  },
  relations: { lines: { type: 'one-to-many', target: 'reservation_line', inverseSide: 'reservation' } },
});

export const ReservationLineEntity = new EntitySchema<ReservationLineRow>({
  name: 'reservation_line',
  tableName: 'reservation_line',
  columns: {
    reservationId: { name: 'reservation_id', type: 'uuid', primary: true },
    position: { type: 'integer', primary: true },
    sku: { type: 'text' },
    quantity: { type: 'integer' },
  },
  relations: {
    reservation: {
      type: 'many-to-one',
      target: 'reservation',
      inverseSide: 'lines',
      joinColumn: { name: 'reservation_id' },
    },
  },
});

export const reservationMapping: AggregateMapping<Reservation, ReservationEvent, ReservationRow> = {
  entity: ReservationEntity,
  published,
  turn: STOCK_TURN,

  toRow(reservation) {
    const { lines, shortages, expiresAt = null, ...same } = reservation.snapshot();
    return {
      ...same,
      dueAt: expiresAt,
      shortages: [...shortages],
      lines: lines.map(({ sku, quantity }, position) => ({ position, sku, quantity })),
    };
  },

  fromRow({ dueAt, lines, ...same }) {
    return new Reservation({
      ...same,
      expiresAt: dueAt ?? undefined,
      lines: lines.map(({ sku, quantity }) => new ReservationLine(sku, quantity)),
    });
  },
};
