import type { ContextAudit, Reading } from '@atlas/context';

/** Every movement of money in its books; amounts in minor units. */
const bookEntries: Reading = async (database) => {
  const { rows } = await database.query('SELECT id, kind, reference, amount FROM book_entry');
  return rows;
};

export const audit: ContextAudit = {
  readings: { bookEntries },
  // It is another company: what it must be is for payments to check.
  check: async () => ({ checks: [] }),
};
