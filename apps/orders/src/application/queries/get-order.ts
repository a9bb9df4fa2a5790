import type { Order } from '../../domain/order';
import type { OrderRepository } from '../ports';

export class GetOrder {
  constructor(private readonly orders: OrderRepository) {}

  execute(id: string): Promise<Order | undefined> {
    return this.orders.get(id);
  }
}
