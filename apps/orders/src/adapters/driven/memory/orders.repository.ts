import type { Outbox } from '@atlas/ports/adapters';
import { MemoryAggregateStore, type MemoryUnitOfWork } from '@atlas/testing';
import { type OrderFilter, OrderRepository } from '../../../application/ports';
import type { Order, OrderChange } from '../../../domain/order';
import type { OrderEvent } from '../../../domain/order-events';
import { published } from '../events/published-events';

export class MemoryOrderRepository extends OrderRepository {
  private readonly orders: MemoryAggregateStore<Order, OrderEvent>;

  constructor(unitOfWork: MemoryUnitOfWork, outbox: Outbox) {
    super();
    const dueAt = (order: Order) => order.snapshot().dueAt;
    this.orders = new MemoryAggregateStore(unitOfWork, outbox, { name: 'order', dueAt, published });
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
    return (await this.orders.list())
      .filter((order) => {
        const state = order.snapshot();
        return (
          (!status || state.status === status) &&
          (!customerId || state.customerId === customerId) &&
          (!after || state.id < after)
        );
      })
      .sort((a, b) => (a.id < b.id ? 1 : -1))
      .slice(0, limit);
  }
}
