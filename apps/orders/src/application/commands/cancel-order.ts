import type { Clock } from '@atlas/ports/application';
import type { Order } from '../../domain/order';
import type { OrderRepository } from '../ports';

/** Cancels an order for its customer. Idempotent: cancelling a cancelled order is not an error. */
export class CancelOrder {
  constructor(
    private readonly orders: OrderRepository,
    private readonly clock: Clock,
  ) {}

  /** @returns the updated order; undefined if there is none. */
  execute(orderId: string): Promise<Order | undefined> {
    return this.orders.update(orderId, (order) => order.cancel(this.clock.now()));
  }
}
