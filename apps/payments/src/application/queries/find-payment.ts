import type { AccountBalance } from '../../domain/ledger';
import type { Payment } from '../../domain/payment';
import type { Ledger, PaymentRepository } from '../ports';

export class FindPayment {
  constructor(
    private readonly payments: PaymentRepository,
    private readonly ledger: Ledger,
  ) {}

  byOrder(id: string): Promise<Payment | undefined> {
    return this.payments.find(id);
  }

  balances(): Promise<readonly AccountBalance[]> {
    return this.ledger.balances();
  }
}
