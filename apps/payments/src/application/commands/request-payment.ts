import type { Money } from '@atlas/kernel';
import type { Clock, JobTrigger } from '@atlas/ports/application';
import { Payment } from '../../domain/payment';
import { type PaymentRepository, SETTLEMENT_JOB } from '../ports';

export interface RequestPaymentCommand {
  readonly orderId: string;
  readonly amount: Money;
  readonly paymentToken: string;
}

/** Records that an order is to be paid; the settlement job charges it. A second request for an order changes nothing. */
export class RequestPayment {
  constructor(
    private readonly payments: PaymentRepository,
    private readonly clock: Clock,
    private readonly jobs: JobTrigger,
  ) {}

  async execute({ orderId, amount, paymentToken }: RequestPaymentCommand): Promise<void> {
    if (await this.payments.get(orderId)) return;
    const at = this.clock.now();
    await this.payments.add(Payment.request({ id: orderId, amount, paymentToken, at }));
    this.jobs.trigger(SETTLEMENT_JOB);
  }
}
