import { z } from 'zod';
import { type AccountBalance, ACCOUNTS } from '../../../domain/ledger';
import { moneyResponse } from './payments.schemas';

export const balancesResponse = z.object({
  balances: z.array(
    z.object({
      account: z.enum(ACCOUNTS),
      balance: moneyResponse.describe('Debits less credits'),
    }),
  ),
});

export type BalancesResponse = z.infer<typeof balancesResponse>;

export const toBalancesResponse = (balances: readonly AccountBalance[]): BalancesResponse => ({
  balances: balances.map(({ account, balance }) => ({ account, balance: balance.toJSON() })),
});
