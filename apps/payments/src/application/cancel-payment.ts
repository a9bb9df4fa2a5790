import type { Clock } from '@atlas/ports';
import type { Payment } from '../domain/payment';
import type { PaymentRepository } from './ports';

/** An order that is cancelled is not charged, and what was charged goes back. */
export class CancelPayment {
  constructor(
    private readonly payments: PaymentRepository,
    private readonly clock: Clock,
  ) {}

  /** @returns the payment afterwards; undefined if the order has none. */
  async execute(orderId: string): Promise<Payment | undefined> {
    const [payment] = await this.payments.update([orderId], (current) => current.cancel(this.clock.now()));
    return payment;
  }
}
