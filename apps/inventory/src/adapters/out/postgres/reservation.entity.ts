import { EntitySchema } from 'typeorm';
import type { Shortage } from '../../../domain/inventory-events';
import type { ReservationStatus } from '../../../domain/reservation';

export interface ReservationRow {
  /** The order's. */
  id: string;
  status: ReservationStatus;
  shortages: Shortage[];
  version: number;
  requestedAt: Date;
  changedAt: Date;
  lines: ReservationLineRow[];
}

export interface ReservationLineRow {
  reservationId: string;
  /** Place within the order, from 0. */
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
    requestedAt: { name: 'requested_at', type: 'timestamptz' },
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
