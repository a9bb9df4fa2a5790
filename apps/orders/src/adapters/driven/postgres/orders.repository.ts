import { AggregateStore, type PostgresUnitOfWork } from '@atlas/adapters/postgres';
import type { Outbox } from '@atlas/ports/adapters';
import { In, LessThan } from 'typeorm';
import { type OrderFilter, OrderRepository } from '../../../application/ports';
import type { Order, OrderChange } from '../../../domain/order';
import type { OrderEvent } from '../../../domain/order-events';
import { OrderEntity, OrderLineEntity, orderMapping, type OrderRow } from './order.mapping';

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
    const { manager } = this.unitOfWork;
    const rows = await manager.find(OrderEntity, {
      where: {
        ...(status && { status }),
        ...(customerId && { customerId }),
        ...(after && { id: LessThan(after) }),
      },
      order: { id: 'DESC' },
      take: limit,
    });
    // TypeORM's loading of relations would compare each line with each order.
    const lines = await manager.findBy(OrderLineEntity, { orderId: In(rows.map(({ id }) => id)) });
    const linesOf = Map.groupBy(lines, ({ orderId }) => orderId);
    return rows.map((row) => orderMapping.fromRow({ ...row, lines: linesOf.get(row.id) ?? [] }));
  }
}
