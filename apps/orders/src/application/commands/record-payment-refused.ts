import type { Clock } from '@atlas/ports/application';
import { type OrderRepository, UnknownOrderError } from '../ports';

export interface RecordPaymentRefusedCommand {
  readonly orderId: string;
  readonly reason: 'payment-declined' | 'payment-failed';
}

/** The order can't be paid: it is cancelled. */
export class RecordPaymentRefused {
  constructor(
    private readonly orders: OrderRepository,
    private readonly clock: Clock,
  ) {}

  async execute({ orderId, reason }: RecordPaymentRefusedCommand): Promise<void> {
    const order = await this.orders.update(orderId, (current) =>
      current.paymentRefused(reason, this.clock.now()),
    );
    if (!order) throw new UnknownOrderError(orderId);
  }
}
