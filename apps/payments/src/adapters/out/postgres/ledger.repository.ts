import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { type AccountBalance, Ledger } from '../../../application/ports';
import type { Account } from '../../../domain/ledger';

export class PostgresLedger extends Ledger {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {
    super();
  }

  async balances(): Promise<readonly AccountBalance[]> {
    const rows: { account: Account; balance: string }[] = await this.unitOfWork.manager.query(
      'SELECT account, sum(debit - credit) AS balance FROM ledger_entry GROUP BY account ORDER BY account',
    );
    return rows.map(({ account, balance }) => ({ account, balance: Number(balance) }));
  }
}
