import { wholeNumber } from '@atlas/adapters/postgres';
import { EntitySchema } from 'typeorm';
import type { Account, LedgerTransaction } from '../../../domain/ledger';

export interface LedgerTransactionRow {
  /** The payment's id and the kind: a payment has one transaction of each kind. */
  id: string;
  paymentId: string;
  kind: LedgerTransaction['kind'];
  entries: LedgerEntryRow[];
}

export interface LedgerEntryRow {
  transactionId?: string;
  account: Account;
  /** Minor units. */
  debit: number;
  credit: number;
  currency: string;
  transaction?: LedgerTransactionRow;
}

export const LedgerTransactionEntity = new EntitySchema<LedgerTransactionRow>({
  name: 'ledger_transaction',
  tableName: 'ledger_transaction',
  columns: {
    id: { type: 'text', primary: true },
    paymentId: { name: 'payment_id', type: 'uuid' },
    kind: { type: 'text' },
  },
  relations: { entries: { type: 'one-to-many', target: 'ledger_entry', inverseSide: 'transaction' } },
});

export const LedgerEntryEntity = new EntitySchema<LedgerEntryRow>({
  name: 'ledger_entry',
  tableName: 'ledger_entry',
  columns: {
    transactionId: { name: 'transaction_id', type: 'text', primary: true },
    account: { type: 'text', primary: true },
    debit: wholeNumber,
    credit: wholeNumber,
    currency: { type: 'text' },
  },
  relations: {
    transaction: {
      type: 'many-to-one',
      target: 'ledger_transaction',
      inverseSide: 'entries',
      joinColumn: { name: 'transaction_id' },
    },
  },
});

export const toLedgerRow =
  (paymentId: string) =>
  ({ kind, entries }: LedgerTransaction): LedgerTransactionRow => ({
    id: `${paymentId}:${kind}`,
    paymentId,
    kind,
    entries: entries.map((entry) => ({ ...entry })),
  });
