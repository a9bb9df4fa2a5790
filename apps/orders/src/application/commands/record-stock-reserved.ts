import type { Clock } from '@atlas/ports/application';
import { type OrderRepository, UnknownOrderError } from '../ports';

/** Inventory reserved the stock: the order's payment is due. */
export class RecordStockReserved {
  constructor(
    private readonly orders: OrderRepository,
    private readonly clock: Clock,
  ) {}

  async execute(orderId: string): Promise<void> {
    const order = await this.orders.update(orderId, (current) => current.stockReserved(this.clock.now()));
    if (!order) throw new UnknownOrderError(orderId);
  }
}
