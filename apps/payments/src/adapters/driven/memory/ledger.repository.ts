import { Money } from '@atlas/kernel';
import type { MemoryTable, MemoryUnitOfWork } from '@atlas/testing';
import { Ledger } from '../../../application/ports';
import { type AccountBalance, ACCOUNTS, type LedgerTransaction } from '../../../domain/ledger';
import type { PaymentChange } from '../../../domain/payment';

export class MemoryLedger extends Ledger {
  private readonly transactions: MemoryTable<LedgerTransaction>;

  constructor(private readonly unitOfWork: MemoryUnitOfWork) {
    super();
    this.transactions = unitOfWork.database.table('ledger_transaction');
  }

  /** Takes part in the open unit of work. */
  book(changed: PaymentChange): PaymentChange {
    for (const booking of changed.bookings) {
      this.unitOfWork.current.set(this.transactions, `${changed.next.id}:${booking.kind}`, booking);
    }
    return changed;
  }

  balances(): Promise<readonly AccountBalance[]> {
    return this.unitOfWork.run(async () => {
      const entries = this.unitOfWork.current.rows(this.transactions).flatMap((booked) => booked.entries);
      const currencies = [...new Set(entries.map(({ currency }) => currency))].sort();
      return ACCOUNTS.flatMap((account) =>
        currencies.map((currency) => {
          const own = entries.filter((entry) => entry.account === account && entry.currency === currency);
          const balance = own.reduce((sum, { debit, credit }) => sum + debit - credit, 0);
          return { account, balance: Money.of(balance, currency) };
        }),
      );
    });
  }
}
