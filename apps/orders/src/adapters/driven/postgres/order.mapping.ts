import { type AggregateMapping, wholeNumber } from '@atlas/adapters/postgres';
import { Money } from '@atlas/kernel';
import { EntitySchema } from 'typeorm';
import { Order, type OrderState, type OrderStatus } from '../../../domain/order';
import type { CancellationReason, OrderEvent } from '../../../domain/order-events';
import { OrderLine } from '../../../domain/order-line';
import { published } from '../events/published-events';

export interface OrderRow {
  id: string;
  customerId: string;
  status: OrderStatus;
  reason: CancellationReason | null;
  /** Minor units. */
  total: number;
  currency: string;
  paymentToken: string;
  dueAt: Date | null;
  version: number;
  history: { status: OrderStatus; at: string }[];
  lines: OrderLineRow[];
}

export interface OrderLineRow {
  orderId?: string;
  /** Position within the order, from 0. */
  position: number;
  sku: string;
  quantity: number;
  /** Minor units of the order's currency. */
  unitPrice: number;
  order?: OrderRow;
}

export const OrderEntity = new EntitySchema<OrderRow>({
  name: 'order',
  tableName: 'orders',
  columns: {
    id: { type: 'uuid', primary: true },
    customerId: { name: 'customer_id', type: 'text', update: false },
    status: { type: 'text' },
    reason: { type: 'text', nullable: true },
    total: { ...wholeNumber, update: false },
    currency: { type: 'text', update: false },
    paymentToken: { name: 'payment_token', type: 'text', update: false },
    dueAt: { name: 'due_at', type: 'timestamptz', nullable: true },
    version: { type: 'integer' },
    history: { type: 'jsonb' },
  },
  relations: { lines: { type: 'one-to-many', target: 'order_line', inverseSide: 'order' } },
});

export const OrderLineEntity = new EntitySchema<OrderLineRow>({
  name: 'order_line',
  tableName: 'order_line',
  columns: {
    orderId: { name: 'order_id', type: 'uuid', primary: true },
    position: { type: 'integer', primary: true },
    sku: { type: 'text' },
    quantity: { type: 'integer' },
    unitPrice: { name: 'unit_price', ...wholeNumber },
  },
  relations: {
    order: { type: 'many-to-one', target: 'order', inverseSide: 'lines', joinColumn: { name: 'order_id' } },
  },
});

export const orderMapping: AggregateMapping<Order, OrderEvent, OrderRow> = {
  entity: OrderEntity,
  published,

  toRow(order) {
    const { total, lines, history, reason = null, dueAt = null, ...same } = order.snapshot();
    return {
      ...same,
      reason,
      dueAt,
      total: total.minorUnits,
      currency: total.currency,
      history: history.map(({ status, at }) => ({ status, at: at.toISOString() })),
      lines: lines.map(({ sku, quantity, unitPrice }, position) => ({
        position,
        sku,
        quantity,
        unitPrice: unitPrice.minorUnits,
      })),
    };
  },

  fromRow({ total, currency, lines, history, reason, dueAt, ...same }) {
    return new Order({
      ...same,
      reason: reason ?? undefined,
      dueAt: dueAt ?? undefined,
      total: Money.of(total, currency),
      lines: lines
        .toSorted((a, b) => a.position - b.position)
        .map((line) => new OrderLine(line.sku, line.quantity, Money.of(line.unitPrice, currency))),
      history: history.map(({ status, at }) => ({
        status,
        at: new Date(at),
      })) as unknown as OrderState['history'],
    });
  },
};
