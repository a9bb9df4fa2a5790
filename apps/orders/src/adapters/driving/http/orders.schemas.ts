import { orderId, skuCode } from '@atlas/contracts';
import type { Money } from '@atlas/kernel';
import { eachOnce, pageLimitField } from '@atlas/service';
import { z } from 'zod';
import { MAX_LINES, type Order, ORDER_STATUSES } from '../../../domain/order';
import { CANCELLATION_REASONS } from '../../../domain/order-events';
import { MAX_QUANTITY } from '../../../domain/order-line';
import type { Price } from '../../../domain/price';

const money = z.object({
  minorUnits: z.int().min(0).max(100_000_000).describe('Whole minor units: 199 is 1.99 EUR'),
  currency: z.literal('EUR').default('EUR'),
});

const status = z.enum(ORDER_STATUSES);

export const placeOrderBody = z
  .object({
    customerId: z.string().min(1).max(64),
    lines: z
      .array(z.object({ sku: skuCode, quantity: z.int().min(1).max(MAX_QUANTITY) }))
      .min(1)
      .max(MAX_LINES)
      .superRefine(eachOnce('sku')),
    paymentToken: z.string().min(1).max(128),
  })
  .meta({ id: 'PlaceOrder' });

export const listOrdersQuery = z.object({
  status: status.optional(),
  customerId: z.string().min(1).max(64).optional(),
  limit: pageLimitField,
  cursor: orderId.optional(),
});

export const listPricesQuery = z.object({ limit: pageLimitField, cursor: skuCode.optional() });

export const orderResponse = z
  .object({
    id: orderId,
    customerId: z.string(),
    status,
    reason: z.enum(CANCELLATION_REASONS).optional(),
    lines: z.array(z.object({ sku: z.string(), quantity: z.int(), unitPrice: money })),
    total: money,
    version: z.int(),
    placedAt: z.iso.datetime(),
    dueAt: z.iso.datetime().optional().describe('When it is cancelled unless it is settled by then'),
    settledAt: z.iso.datetime().optional(),
    history: z.array(z.object({ status, at: z.iso.datetime() })),
  })
  .meta({ id: 'Order' });

export const ordersResponse = z.object({ orders: z.array(orderResponse), nextCursor: orderId.optional() });

export const pricesResponse = z.object({
  entries: z.array(z.object({ sku: z.string(), unitPrice: money })),
  nextCursor: z.string().optional(),
});

export type PlaceOrderBody = z.infer<typeof placeOrderBody>;
export type ListOrdersQuery = z.infer<typeof listOrdersQuery>;
export type ListPricesQuery = z.infer<typeof listPricesQuery>;
export type OrderResponse = z.infer<typeof orderResponse>;
export type OrdersResponse = z.infer<typeof ordersResponse>;
export type PricesResponse = z.infer<typeof pricesResponse>;

export function toOrderResponse(order: Order): OrderResponse {
  const { id, customerId, status: current, reason, lines, total, dueAt, version, history } = order.snapshot();
  return {
    id,
    customerId,
    status: current,
    reason,
    version,
    lines: lines.map(({ sku, quantity, unitPrice }) => ({ sku, quantity, unitPrice: toMoney(unitPrice) })),
    total: toMoney(total),
    placedAt: order.placedAt.toISOString(),
    dueAt: dueAt?.toISOString(),
    settledAt: order.settledAt?.toISOString(),
    history: history.map((entry) => ({ status: entry.status, at: entry.at.toISOString() })),
  };
}

export const toPriceResponse = ({ sku, unitPrice }: Price): PricesResponse['entries'][number] => ({
  sku,
  unitPrice: toMoney(unitPrice),
});

const toMoney = ({ minorUnits }: Money) => ({ minorUnits, currency: 'EUR' as const });
