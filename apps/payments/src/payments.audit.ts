import { type Audited, Checking, type ContextAudit, type Database, type Reading } from '@atlas/context';
import { FIGURES } from '@atlas/contracts';
import { z } from 'zod';

/** Payments by order; amounts in minor units. */
const payments: Reading = async (database, orderIds) => {
  const { rows } = await database.query(
    `SELECT id AS "orderId", status, amount FROM payment WHERE $1::uuid[] IS NULL OR id = ANY ($1)`,
    [orderIds],
  );
  return rows;
};

/** What the ledger says of each payment: an account's balance, or one side of it. */
const booked = (amount: string, account: string) => `
  SELECT payment_id || ' ' || currency AS key, sum(${amount}) AS value
  FROM ledger_entry JOIN ledger_transaction ON id = transaction_id WHERE account = '${account}' GROUP BY 1`;

export const audit: ContextAudit = {
  readings: { payments },
  figures: {
    [FIGURES.moneyDue]: { sql: `SELECT id || ' ' || currency AS key, amount AS value FROM payment` },
    [FIGURES.moneyCharged]: { sql: booked('debit', 'provider-clearing') },
    [FIGURES.moneyRefunded]: { sql: booked('credit', 'provider-clearing') },
    [FIGURES.moneyKept]: { sql: booked('credit - debit', 'sales') },
  },
  isUndecided: async (audited) => {
    const { rows } = await audited.database.query<{ open: boolean }>(
      `SELECT EXISTS (SELECT FROM payment WHERE status IN ('pending', 'refunding')) AS open`,
    );
    return rows[0]?.open || (await unreadMovements(audited)) > 0;
  },
  check: async (audited) => {
    const unread = await unreadMovements(audited);
    return {
      checks: [await auditLedger(audited.database), await auditPayments(audited.database)],
      pending: [
        {
          name: 'unreconciled',
          count: unread,
          sentence: `payments has yet to read ${unread} movements in the provider's books`,
        },
      ],
    };
  },
};

/** How much the provider has moved that payments has not read yet, and may settle a payment. */
async function unreadMovements({ database, read }: Pick<Audited, 'database' | 'read'>): Promise<number> {
  const { rows } = await database.query<{ position: string }>('SELECT position FROM statement_position');
  const [unread] = await read(
    'payment-provider',
    'movementsAfter',
    z.object({ count: z.number() }),
    rows.map(({ position }) => position),
  );
  return unread?.count ?? 0;
}

async function auditLedger(database: Database) {
  const checking = new Checking('every ledger transaction balances');
  const { rows } = await database.query<{ id: string; debit: string; credit: string }>(`
    SELECT transaction_id AS id, sum(debit) AS debit, sum(credit) AS credit FROM ledger_entry
    GROUP BY transaction_id HAVING sum(debit) <> sum(credit)`);
  checking.passed((await countOf(database, 'ledger_transaction')) - rows.length);
  for (const { id, debit, credit } of rows) {
    checking.look(`transaction ${id}`, `debits ${debit}, credits ${credit}`);
  }
  return checking.result;
}

interface Difference {
  readonly id: string;
  readonly status: string;
  readonly amount: string;
  readonly captured: string;
  readonly refunded: string;
}

/** A payment and its bookings are written together, so this holds at any time. */
async function auditPayments(database: Database) {
  const checking = new Checking('the ledger has what every payment says');
  const { rows } = await database.query<Difference>(`
    SELECT id, status, amount, coalesce(captured, 0) AS captured, coalesce(refunded, 0) AS refunded
    FROM payment LEFT JOIN (
      SELECT payment_id, sum(debit) AS captured, sum(credit) AS refunded
      FROM ledger_entry JOIN ledger_transaction ON ledger_transaction.id = transaction_id
      WHERE account = 'provider-clearing' GROUP BY payment_id
    ) AS booked ON payment_id = payment.id
    WHERE coalesce(captured, 0) <> CASE WHEN status IN ('captured', 'refunding', 'refunded') THEN amount ELSE 0 END
      OR coalesce(refunded, 0) <> CASE status WHEN 'refunded' THEN amount ELSE 0 END`);
  checking.passed((await countOf(database, 'payment')) - rows.length);
  for (const { id, status, amount, captured, refunded } of rows) {
    checking.look(
      id,
      `is ${status} over ${amount}, the ledger has ${captured} captured and ${refunded} refunded`,
    );
  }
  return checking.result;
}

async function countOf(database: Database, table: string): Promise<number> {
  const { rows } = await database.query<{ count: number }>(`SELECT count(*)::float8 AS count FROM ${table}`);
  return rows[0]?.count ?? 0;
}
