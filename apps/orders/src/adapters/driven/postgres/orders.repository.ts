import { AggregateStore, type PostgresUnitOfWork } from '@atlas/adapters/postgres';
import type { Outbox } from '@atlas/ports/adapters';
import { LessThan } from 'typeorm';
import { type OrderFilter, OrderRepository } from '../../../application/ports';
import type { Order, OrderChange } from '../../../domain/order';
import type { OrderEvent } from '../../../domain/order-events';
import { OrderEntity, orderMapping, type OrderRow } from './order.mapping';

export class PostgresOrderRepository extends OrderRepository {
  private readonly orders: AggregateStore<Order, OrderEvent, OrderRow>;

  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    outbox: Outbox,
  ) {
    super();
    this.orders = new AggregateStore(unitOfWork, outbox, orderMapping);
  }

  add(placed: OrderChange): Promise<void> {
    return this.orders.add(placed);
  }

  update(id: string, change: (order: Order) => OrderChange): Promise<Order | undefined> {
    return this.orders.update(id, change);
  }

  updateDue(now: Date, limit: number, change: (order: Order) => OrderChange): Promise<readonly Order[]> {
    return this.orders.updateDue(now, limit, change);
  }

  get(id: string): Promise<Order | undefined> {
    return this.orders.get(id);
  }

  async list({ status, customerId, limit, after }: OrderFilter): Promise<readonly Order[]> {
    const rows = await this.unitOfWork.manager.find(OrderEntity, {
      where: {
        ...(status && { status }),
        ...(customerId && { customerId }),
        ...(after && { id: LessThan(after) }),
      },
      relations: { lines: true },
      // With a join, the lines would count towards the limit.
      relationLoadStrategy: 'query',
      order: { id: 'DESC' },
      take: limit,
    });
    return rows.map((row) => orderMapping.fromRow(row));
  }
}
