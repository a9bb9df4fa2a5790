import { AggregateStore, AppendStore, type PostgresUnitOfWork } from '@atlas/adapters/postgres';
import type { Outbox } from '@atlas/ports/adapters';
import { PaymentRepository } from '../../../application/ports';
import type { Payment, PaymentChange } from '../../../domain/payment';
import type { PaymentEvent } from '../../../domain/payment-events';
import { LedgerTransactionEntity, type LedgerTransactionRow, toLedgerRow } from './ledger.mapping';
import { paymentMapping, type PaymentRow } from './payment.mapping';

type Transition = (payment: Payment) => PaymentChange;

export class PostgresPaymentRepository extends PaymentRepository {
  private readonly payments: AggregateStore<Payment, PaymentEvent, PaymentRow>;
  private readonly ledger: AppendStore<LedgerTransactionRow>;

  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    outbox: Outbox,
  ) {
    super();
    this.payments = new AggregateStore(unitOfWork, outbox, paymentMapping);
    this.ledger = new AppendStore(unitOfWork, LedgerTransactionEntity);
  }

  add(requested: PaymentChange): Promise<void> {
    return this.unitOfWork.run(async () => {
      await this.payments.add(requested);
      this.book(requested);
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

  private booking(change: Transition): Transition {
    return (payment) => this.book(change(payment));
  }

  private book(changed: PaymentChange): PaymentChange {
    this.ledger.append(changed.bookings.map(toLedgerRow(changed.next.id)));
    return changed;
  }
}
