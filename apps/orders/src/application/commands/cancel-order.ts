import type { Clock } from '@atlas/ports/application';
import type { Order } from '../../domain/order';
import type { OrderRepository } from '../ports';

/** A cancelled order stays cancelled: asking twice is no error. */
export class CancelOrder {
  constructor(
    private readonly orders: OrderRepository,
    private readonly clock: Clock,
  ) {}

  async execute(orderId: string): Promise<Order | undefined> {
    return this.orders.update(orderId, (order) => order.cancel(this.clock.now()));
  }
}
