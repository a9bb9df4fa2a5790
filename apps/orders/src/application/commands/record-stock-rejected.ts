import type { Clock } from '@atlas/ports/application';
import { type OrderRepository, UnknownOrderError } from '../ports';

/** Inventory can't supply the order: it is cancelled. */
export class RecordStockRejected {
  constructor(
    private readonly orders: OrderRepository,
    private readonly clock: Clock,
  ) {}

  async execute(orderId: string): Promise<void> {
    const order = await this.orders.update(orderId, (current) => current.stockRejected(this.clock.now()));
    if (!order) throw new UnknownOrderError(orderId);
  }
}
