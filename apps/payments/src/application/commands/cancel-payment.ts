import type { Clock, JobTrigger } from '@atlas/ports/application';
import { type PaymentRepository, SETTLEMENT_JOB } from '../ports';

/** The payment of a cancelled order is not charged, or refunded if it was. The order may have no payment at all. */
export class CancelPayment {
  constructor(
    private readonly payments: PaymentRepository,
    private readonly clock: Clock,
    private readonly jobs: JobTrigger,
  ) {}

  async execute(orderId: string): Promise<void> {
    const at = this.clock.now();
    const payment = await this.payments.update(orderId, (current) => current.cancel(at));
    if (payment?.isDue(at)) this.jobs.trigger(SETTLEMENT_JOB);
  }
}
