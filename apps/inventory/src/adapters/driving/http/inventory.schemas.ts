import { orderId, skuCode } from '@atlas/contracts';
import { eachOnce, pageLimitField } from '@atlas/service';
import { z } from 'zod';
import { type Reservation, RESERVATION_STATUSES } from '../../../domain/reservation';
import type { StockItem } from '../../../domain/stock-item';

const available = z.int().min(0).max(1_000_000_000).describe('Units that can be reserved');

export const stockBody = z
  .object({
    items: z
      .array(z.object({ sku: skuCode, available }))
      .min(1)
      .max(5_000)
      .superRefine(eachOnce('sku')),
  })
  .meta({ id: 'StockCounts' });

export const stockItemBody = z.object({ available }).meta({ id: 'StockCount' });

export const listStockQuery = z.object({
  limit: pageLimitField,
  cursor: skuCode.optional(),
});

const units = z.int().min(0);

export const stockItemResponse = z
  .object({
    sku: z.string(),
    received: units.describe('Units ever received, less those counted as missing'),
    available: units.describe('Units that can be reserved'),
    reserved: units.describe('Units reserved for orders that are not settled yet'),
    sold: units.describe('Units of confirmed orders'),
  })
  .meta({ id: 'StockItem' });

export const stockResponse = z.object({
  items: z.array(stockItemResponse),
  nextCursor: z.string().optional(),
});

export const reservationResponse = z
  .object({
    orderId,
    status: z.enum(RESERVATION_STATUSES),
    lines: z.array(z.object({ sku: z.string(), quantity: z.int() })),
    shortages: z
      .array(z.object({ sku: z.string(), requested: z.int(), available: units }))
      .describe('Why it was rejected; empty otherwise'),
    version: z.int(),
    requestedAt: z.iso.datetime(),
    expiresAt: z.iso
      .datetime()
      .optional()
      .describe('When the stock becomes available again unless the order is settled by then'),
    changedAt: z.iso.datetime(),
  })
  .meta({ id: 'Reservation' });

export type StockBody = z.infer<typeof stockBody>;
export type StockItemBody = z.infer<typeof stockItemBody>;
export type ListStockQuery = z.infer<typeof listStockQuery>;
export type StockItemResponse = z.infer<typeof stockItemResponse>;
export type StockResponse = z.infer<typeof stockResponse>;
export type ReservationResponse = z.infer<typeof reservationResponse>;

export const toStockItemResponse = (item: StockItem): StockItemResponse => ({
  sku: item.sku,
  ...item.levels,
});

export function toReservationResponse(reservation: Reservation): ReservationResponse {
  const { id, lines, shortages, requestedAt, expiresAt, changedAt, ...same } = reservation.snapshot();
  return {
    ...same,
    orderId: id,
    lines: lines.map(({ sku, quantity }) => ({ sku, quantity })),
    shortages: [...shortages],
    requestedAt: requestedAt.toISOString(),
    expiresAt: expiresAt?.toISOString(),
    changedAt: changedAt.toISOString(),
  };
}
