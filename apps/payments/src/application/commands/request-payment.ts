import type { Money } from '@atlas/kernel';
import type { Clock } from '@atlas/ports/application';
import { Payment } from '../../domain/payment';
import type { PaymentRepository } from '../ports';

export interface RequestPaymentCommand {
  readonly orderId: string;
  readonly amount: Money;
  readonly paymentToken: string;
}

/** Takes note that an order is to be paid; {@link SettlePayments} does the rest. */
export class RequestPayment {
  constructor(
    private readonly payments: PaymentRepository,
    private readonly clock: Clock,
  ) {}

  execute({ orderId, amount, paymentToken }: RequestPaymentCommand): Promise<void> {
    const at = this.clock.now();
    return this.payments.create(Payment.request({ id: orderId, amount, paymentToken, at }));
  }
}
