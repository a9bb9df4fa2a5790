import type { Clock } from '@atlas/ports/application';
import type { Order, OrderChange } from '../../domain/order';
import type { OrderRepository } from '../ports';

/** Moves an order on by what became known about its stock and its payment. */
export class AdvanceOrder {
  constructor(
    private readonly orders: OrderRepository,
    private readonly clock: Clock,
  ) {}

  stockReserved(orderId: string): Promise<void> {
    return this.advance(orderId, (order, at) => order.stockReserved(at));
  }

  stockRejected(orderId: string): Promise<void> {
    return this.advance(orderId, (order, at) => order.stockRejected(at));
  }

  stockReleased(orderId: string): Promise<void> {
    return this.advance(orderId, (order, at) => order.stockReleased(at));
  }

  paymentCaptured(orderId: string): Promise<void> {
    return this.advance(orderId, (order, at) => order.paymentCaptured(at));
  }

  paymentRefused(orderId: string, reason: 'payment-declined' | 'payment-failed'): Promise<void> {
    return this.advance(orderId, (order, at) => order.paymentRefused(reason, at));
  }

  private async advance(orderId: string, change: (order: Order, at: Date) => OrderChange): Promise<void> {
    const order = await this.orders.update(orderId, (current) => change(current, this.clock.now()));
    if (!order) throw new Error(`There is no order ${orderId}, yet another context tells of it`);
  }
}
