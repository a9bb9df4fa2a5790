import { err, ok, type Result } from '@atlas/kernel';
import type { Clock, JobTrigger } from '@atlas/ports/application';
import type { Payment } from '../../domain/payment';
import { type PaymentRepository, SETTLEMENT_JOB } from '../ports';

/** There is no money to refund. */
export interface NotCaptured {
  readonly payment: Payment;
}

/**
 * Refunds a payment as goodwill, while its order stays confirmed: orders ignores the refund that we publish. A payment
 * that is being refunded, or has been, stays so: to ask twice is not an error.
 */
export class RefundPayment {
  constructor(
    private readonly payments: PaymentRepository,
    private readonly clock: Clock,
    private readonly jobs: JobTrigger,
  ) {}

  /** @returns undefined if the order has no payment. */
  async execute(orderId: string): Promise<Result<Payment, NotCaptured> | undefined> {
    const at = this.clock.now();
    const payment = await this.payments.update(orderId, (current) => current.refund(at));
    if (!payment) return undefined;
    if (payment.isDue(at)) this.jobs.trigger(SETTLEMENT_JOB);
    const { status } = payment.snapshot();
    return status === 'refunding' || status === 'refunded' ? ok(payment) : err({ payment });
  }
}
