import type { Clock } from '@atlas/ports/application';
import { type OrderRepository, UnknownOrderError } from '../ports';

/** Inventory released the stock: an order that still awaits its payment expires. */
export class RecordStockReleased {
  constructor(
    private readonly orders: OrderRepository,
    private readonly clock: Clock,
  ) {}

  async execute(orderId: string): Promise<void> {
    const order = await this.orders.update(orderId, (current) => current.stockReleased(this.clock.now()));
    if (!order) throw new UnknownOrderError(orderId);
  }
}
