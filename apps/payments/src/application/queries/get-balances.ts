import type { AccountBalance } from '../../domain/ledger';
import type { Ledger } from '../ports';

/** The balances of the ledger's accounts. */
export class GetBalances {
  constructor(private readonly ledger: Ledger) {}

  execute(): Promise<readonly AccountBalance[]> {
    return this.ledger.balances();
  }
}
