import type { ContextAudit, Reading } from '@atlas/context';
import { FIGURES } from '@atlas/contracts';

/** How many movements of money follow a position in its books, as its API names positions; default: all. */
const movementsAfter: Reading = async (database, [position = '0.0'] = []) => {
  const { rows } = await database.query(
    `SELECT count(*)::integer AS count FROM book_entry WHERE (xid, sequence) > ($1::xid8, $2::bigint)`,
    position.split('.'),
  );
  return rows;
};

/** What it has moved for each reference. */
const moved = (amount: string) =>
  `SELECT reference || ' ' || currency AS key, sum(${amount}) AS value FROM book_entry GROUP BY 1`;

const CHARGED = `CASE kind WHEN 'charge' THEN amount ELSE 0 END`;
const REFUNDED = `CASE kind WHEN 'refund' THEN amount ELSE 0 END`;

export const audit: ContextAudit = {
  readings: { movementsAfter },
  figures: {
    // Of two charges for one reference, its client knows only one, and has the other refunded.
    [FIGURES.moneyCharged]: { bound: 'at most', sql: moved(CHARGED) },
    [FIGURES.moneyRefunded]: { bound: 'at most', sql: moved(REFUNDED) },
    [FIGURES.moneyKept]: { sql: moved(`${CHARGED} - ${REFUNDED}`) },
  },
  // It is another company: what it must be is for its clients to check.
  check: async () => ({ checks: [] }),
};
