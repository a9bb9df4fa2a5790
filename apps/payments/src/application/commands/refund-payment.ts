import { err, ok, type Result } from '@atlas/kernel';
import type { Clock } from '@atlas/ports/application';
import type { Payment } from '../../domain/payment';
import type { PaymentRepository } from '../ports';

/** There is no money to give back. */
export interface NotCaptured {
  readonly payment: Payment;
}

/**
 * Gives the money back while the order stays what it is: goodwill. Orders does not act on the refund that we tell.
 * What is being refunded, or was, stays so: asking twice is no error.
 */
export class RefundPayment {
  constructor(
    private readonly payments: PaymentRepository,
    private readonly clock: Clock,
  ) {}

  /** Undefined if the order has no payment. */
  async execute(orderId: string): Promise<Result<Payment, NotCaptured> | undefined> {
    const [payment] = await this.payments.update([orderId], (current) => current.refund(this.clock.now()));
    if (!payment) return undefined;
    const { status } = payment.snapshot();
    return status === 'refunding' || status === 'refunded' ? ok(payment) : err({ payment });
  }
}
