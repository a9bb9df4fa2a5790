import type { Order } from '../../domain/order';
import type { OrderFilter, OrderRepository } from '../ports';

/** Newest first. */
export class ListOrders {
  constructor(private readonly orders: OrderRepository) {}

  execute(filter: OrderFilter): Promise<readonly Order[]> {
    return this.orders.list(filter);
  }
}
