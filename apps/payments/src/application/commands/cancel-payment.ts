import type { Clock } from '@atlas/ports/application';
import type { PaymentRepository } from '../ports';

/** An order that is cancelled is not charged, and what was charged goes back. It may have no payment at all. */
export class CancelPayment {
  constructor(
    private readonly payments: PaymentRepository,
    private readonly clock: Clock,
  ) {}

  async execute(orderId: string): Promise<void> {
    await this.payments.update([orderId], (payment) => payment.cancel(this.clock.now()));
  }
}
