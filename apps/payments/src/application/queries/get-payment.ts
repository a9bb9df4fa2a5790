import type { Payment } from '../../domain/payment';
import type { PaymentRepository } from '../ports';

export class GetPayment {
  constructor(private readonly payments: PaymentRepository) {}

  execute(orderId: string): Promise<Payment | undefined> {
    return this.payments.get(orderId);
  }
}
