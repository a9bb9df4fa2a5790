import type { Money } from '@atlas/kernel';
import type { PaymentEvent } from './payment-events';

/** Assets: what the provider owes us. Income: what was sold. */
export const ACCOUNTS = ['provider-clearing', 'sales'] as const;
export type Account = (typeof ACCOUNTS)[number];

export interface LedgerEntry {
  readonly account: Account;
  /** Whole minor units of `currency`; one of the two is 0. */
  readonly debit: number;
  readonly credit: number;
  readonly currency: string;
}

/** A balanced set of entries: its debits and its credits have the same sum. */
export interface LedgerTransaction {
  readonly kind: 'capture' | 'refund';
  readonly entries: readonly LedgerEntry[];
}

/** What an event means in the ledger: nothing, unless money moved. */
export function bookingsOf(event: PaymentEvent): readonly LedgerTransaction[] {
  switch (event.type) {
    case 'payment-captured':
      return [{ kind: 'capture', entries: transfer('provider-clearing', 'sales', event.amount) }];
    case 'payment-refunded':
      return [{ kind: 'refund', entries: transfer('sales', 'provider-clearing', event.amount) }];
    case 'payment-declined':
    case 'payment-failed':
      return [];
  }
}

const transfer = (
  debited: Account,
  credited: Account,
  { minorUnits, currency }: Money,
): readonly LedgerEntry[] => [
  { account: debited, debit: minorUnits, credit: 0, currency },
  { account: credited, debit: 0, credit: minorUnits, currency },
];

export interface AccountBalance {
  readonly account: Account;
  /** Debits less credits of one currency. */
  readonly balance: Money;
}
