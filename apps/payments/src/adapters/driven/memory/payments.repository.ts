import type { Outbox } from '@atlas/ports/adapters';
import { MemoryAggregateStore, type MemoryUnitOfWork } from '@atlas/testing';
import { PaymentRepository } from '../../../application/ports';
import type { Payment, PaymentChange } from '../../../domain/payment';
import type { PaymentEvent } from '../../../domain/payment-events';
import { published } from '../events/published-events';
import type { MemoryLedger } from './ledger.repository';

type Transition = (payment: Payment) => PaymentChange;

export class MemoryPaymentRepository extends PaymentRepository {
  private readonly payments: MemoryAggregateStore<Payment, PaymentEvent>;

  constructor(
    private readonly unitOfWork: MemoryUnitOfWork,
    private readonly ledger: MemoryLedger,
    outbox: Outbox,
  ) {
    super();
    const dueAt = (payment: Payment) => payment.snapshot().dueAt;
    this.payments = new MemoryAggregateStore(unitOfWork, outbox, { name: 'payment', dueAt, published });
  }

  add(requested: PaymentChange): Promise<void> {
    return this.unitOfWork.run(async () => {
      await this.payments.add(requested);
      this.ledger.book(requested);
    });
  }

  update(id: string, change: Transition): Promise<Payment | undefined> {
    return this.payments.update(id, this.booking(change));
  }

  updateAll(ids: readonly string[], change: Transition): Promise<readonly Payment[]> {
    return this.payments.updateAll(ids, this.booking(change));
  }

  updateDue(now: Date, limit: number, change: Transition): Promise<readonly Payment[]> {
    return this.payments.updateDue(now, limit, this.booking(change));
  }

  get(id: string): Promise<Payment | undefined> {
    return this.payments.get(id);
  }

  getAll(ids: readonly string[]): Promise<readonly Payment[]> {
    return this.payments.getAll(ids);
  }

  list(): Promise<readonly Payment[]> {
    return this.payments.list();
  }

  private booking(change: Transition): Transition {
    return (payment) => this.ledger.book(change(payment));
  }
}
