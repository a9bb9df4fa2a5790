import type { Order } from '../../domain/order';
import type { OrderFilter, OrderRepository } from '../ports';

export class FindOrder {
  constructor(private readonly orders: OrderRepository) {}

  byId(id: string): Promise<Order | undefined> {
    return this.orders.find(id);
  }

  list(filter: OrderFilter): Promise<readonly Order[]> {
    return this.orders.list(filter);
  }
}
