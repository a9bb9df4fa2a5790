import type { Clock } from '@atlas/ports/application';
import { type OrderRepository, UnknownOrderError } from '../ports';

/** The order is paid: it is confirmed. */
export class RecordPaymentCaptured {
  constructor(
    private readonly orders: OrderRepository,
    private readonly clock: Clock,
  ) {}

  async execute(orderId: string): Promise<void> {
    const order = await this.orders.update(orderId, (current) => current.paymentCaptured(this.clock.now()));
    if (!order) throw new UnknownOrderError(orderId);
  }
}
