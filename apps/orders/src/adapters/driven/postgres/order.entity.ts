import { EntitySchema } from 'typeorm';
import type { CancellationReason } from '../../../domain/order-events';
import type { OrderStatus } from '../../../domain/order';

export interface OrderRow {
  id: string;
  customerId: string;
  status: OrderStatus;
  reason: CancellationReason | null;
  /** Minor units; PostgreSQL's bigint arrives as text. */
  total: string;
  currency: string;
  paymentToken: string;
  dueAt: Date;
  version: number;
  history: { status: OrderStatus; at: string }[];
  lines: OrderLineRow[];
}

export interface OrderLineRow {
  orderId: string;
  /** Place within the order, from 0. */
  position: number;
  sku: string;
  quantity: number;
  unitPrice: string;
  order?: OrderRow;
}

export const OrderEntity = new EntitySchema<OrderRow>({
  name: 'order',
  tableName: 'orders',
  columns: {
    id: { type: 'uuid', primary: true },
    customerId: { name: 'customer_id', type: 'text' },
    status: { type: 'text' },
    reason: { type: 'text', nullable: true },
    total: { type: 'bigint' },
    currency: { type: 'text' },
    paymentToken: { name: 'payment_token', type: 'text' },
    dueAt: { name: 'due_at', type: 'timestamptz' },
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
    unitPrice: { name: 'unit_price', type: 'bigint' },
  },
  relations: {
    order: { type: 'many-to-one', target: 'order', inverseSide: 'lines', joinColumn: { name: 'order_id' } },
  },
});
