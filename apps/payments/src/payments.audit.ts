import { type Audited, Checking, type ContextAudit, type Reading } from '@atlas/context';
import { z } from 'zod';

/** Payments by order; amounts in minor units. */
const payments: Reading = async (database, ids) => {
  const { rows } = await database.query(
    `SELECT id AS "orderId", status, amount FROM payment WHERE $1::uuid[] IS NULL OR id = ANY ($1)`,
    [ids],
  );
  return rows;
};

/** Payments keeps the ledger, so it checks that the provider agrees with it. */
export const audit: ContextAudit = {
  readings: { payments },
  isUndecided: async (database) => {
    const { rows } = await database.query<{ open: boolean }>(
      `SELECT EXISTS (SELECT FROM payment WHERE status IN ('pending', 'refunding')) AS open`,
    );
    return rows[0]?.open ?? false;
  },
  check: auditMoney,
};

/** What payments expects of the provider's reading. */
const bookEntryFact = z.object({
  id: z.string(),
  kind: z.enum(['charge', 'refund']),
  reference: z.string(),
  amount: z.string(),
});

interface LedgerRow {
  readonly id: string;
  readonly status: string;
  readonly amount: string;
  /** What the ledger says that the provider holds for it. */
  readonly booked: string;
}

/** The ledger by itself, and against the provider's books, payment by payment and in all. */
async function auditMoney({ database, read }: Audited) {
  const balanced = new Checking('every ledger transaction balances');
  const agreed = new Checking('the ledger and the provider agree with every payment');
  const total = new Checking("the provider's books equal the ledger, to the cent");
  const { rows: transactions } = await database.query<{ id: string; debit: string; credit: string }>(
    `SELECT transaction_id AS id, sum(debit) AS debit, sum(credit) AS credit FROM ledger_entry GROUP BY transaction_id`,
  );
  for (const { id, debit, credit } of transactions) {
    balanced.look(`transaction ${id}`, debit !== credit && `debits ${debit}, credits ${credit}`);
  }

  // Ours first: what moves meanwhile is then in the provider's books alone, and counts as on its way.
  const { rows } = await database.query<LedgerRow>(`
    SELECT payment.id, status, payment.amount,
      coalesce((SELECT sum(debit - credit) FROM ledger_entry JOIN ledger_transaction ON id = transaction_id
        WHERE payment_id = payment.id AND account = 'provider-clearing'), 0)::text AS booked
    FROM payment`);
  const reconciled = new Set(
    (await database.query<{ id: string }>('SELECT id FROM statement_line')).rows.map(({ id }) => id),
  );
  const entries = await read('payment-provider', 'bookEntries', bookEntryFact);
  const { held, unread, inAll } = positions(entries, reconciled);

  let ledger = 0n;
  let underway = unread.size > 0;
  for (const { id, status, amount, booked } of rows) {
    // While the provider is being asked, it may know more than the payment does.
    const asking = status === 'pending' || status === 'refunding';
    underway ||= asking;
    ledger += BigInt(booked);
    const due = status === 'captured' || status === 'refunding' ? amount : '0';
    const there = held.get(id) ?? 0n;
    held.delete(id);
    const isOpen = asking || unread.has(id);
    agreed.look(
      id,
      booked !== due
        ? `is ${status} over ${amount}, the ledger holds ${booked}`
        : !isOpen && there !== BigInt(due) && `is ${status} over ${amount}, the provider holds ${there}`,
    );
  }
  for (const [reference, amount] of held) {
    if (!unread.has(reference)) agreed.look(reference, `is no payment, yet the provider holds ${amount}`);
  }
  total.look(
    'all payments',
    !underway && inAll !== ledger && `the ledger holds ${ledger}, the provider ${inAll}`,
  );
  return {
    checks: [balanced.result, agreed.result, total.result],
    pending: [
      {
        name: 'unreconciled',
        count: unread.size,
        sentence: `payments has yet to read what the provider moved for ${unread.size} payments`,
      },
    ],
  };
}

/**
 * What the provider holds for each reference and in all, in minor units.
 * @param reconciled the movements that payments has read.
 * @returns also the references of those that it has not.
 */
function positions(
  entries: readonly z.infer<typeof bookEntryFact>[],
  reconciled: ReadonlySet<string>,
): { held: Map<string, bigint>; unread: ReadonlySet<string>; inAll: bigint } {
  const held = new Map<string, bigint>();
  const unread = new Set<string>();
  let inAll = 0n;
  for (const { id, kind, reference, amount } of entries) {
    const moved = kind === 'charge' ? BigInt(amount) : -BigInt(amount);
    held.set(reference, (held.get(reference) ?? 0n) + moved);
    if (!reconciled.has(id)) unread.add(reference);
    inAll += moved;
  }
  return { held, unread, inAll };
}
