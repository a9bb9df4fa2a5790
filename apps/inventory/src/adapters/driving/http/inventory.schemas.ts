import { skuCode } from '@atlas/contracts';
import { eachOnce, pageLimitField } from '@atlas/service';
import { z } from 'zod';
import type { Reservation } from '../../../domain/reservation';
import type { StockItem } from '../../../domain/stock-item';

const onHand = z.int().min(0).max(1_000_000_000).describe('Units that nobody has a claim on');

export const stockBody = z
  .object({
    items: z
      .array(z.object({ sku: skuCode, onHand }))
      .min(1)
      .max(5_000)
      .superRefine(eachOnce('sku')),
  })
  .meta({ id: 'StockCounts' });

export const stockItemBody = z.object({ onHand }).meta({ id: 'StockCount' });

export const listStockQuery = z.object({
  limit: pageLimitField,
  cursor: skuCode.optional(),
});

export const orderId = z.uuid('An order id is a UUID');

const units = z.int().min(0);

export const stockItemResponse = z
  .object({
    sku: z.string(),
    received: units.describe('Units that ever came in, less what was counted as gone'),
    onHand: units.describe('Units that nobody has a claim on'),
    reserved: units.describe('Units held for orders that are not settled yet'),
    sold: units.describe('Units that left with a confirmed order'),
  })
  .meta({ id: 'StockItem' });

export const stockResponse = z.object({
  items: z.array(stockItemResponse),
  nextCursor: z.string().optional(),
});

export const reservationResponse = z
  .object({
    orderId: z.uuid(),
    status: z.enum(['held', 'committed', 'released', 'expired', 'rejected']),
    lines: z.array(z.object({ sku: z.string(), quantity: z.int() })),
    shortages: z
      .array(z.object({ sku: z.string(), requested: z.int(), available: units }))
      .describe('Why it was rejected; empty otherwise'),
    version: z.int(),
    requestedAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().describe('When what is held is given back, unless the order is settled'),
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
  const { id, status, lines, shortages, version, requestedAt, expiresAt, changedAt } = reservation.snapshot();
  return {
    orderId: id,
    status,
    lines: lines.map((line) => ({ sku: line.sku, quantity: line.quantity })),
    shortages: shortages.map(({ sku: code, requested, available }) => ({ sku: code, requested, available })),
    version,
    requestedAt: requestedAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
    changedAt: changedAt.toISOString(),
  };
}
