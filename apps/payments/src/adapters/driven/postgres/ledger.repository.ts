import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Money } from '@atlas/kernel';
import { Ledger } from '../../../application/ports';
import type { Account, AccountBalance } from '../../../domain/ledger';

/** {@link PostgresPaymentRepository} writes the ledger, with the payments. */
export class PostgresLedger extends Ledger {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {
    super();
  }

  async balances(): Promise<readonly AccountBalance[]> {
    const rows: { account: Account; currency: string; balance: string }[] =
      await this.unitOfWork.manager.query(
        `SELECT account, currency, sum(debit - credit) AS balance
         FROM ledger_entry GROUP BY account, currency ORDER BY account, currency`,
      );
    return rows.map(({ account, currency, balance }) => ({
      account,
      balance: Money.of(Number(balance), currency),
    }));
  }
}
