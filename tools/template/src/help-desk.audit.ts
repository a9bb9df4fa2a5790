import { type Check, Checking, type ContextAudit, type Database } from '@atlas/context';

export const audit: ContextAudit = {
  check: async ({ database }) => ({ checks: [await auditSupportCases(database)] }),
};

interface SupportCaseRow {
  readonly id: string;
  readonly status: string;
  readonly version: number;
  readonly isBackwards: boolean;
}

const PAGE = 1_000;

async function auditSupportCases(database: Database): Promise<Check> {
  const checking = new Checking('every support case was opened before anything else happened to it');
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const { rows } = await database.query<SupportCaseRow>(
      `SELECT id, status, version, changed_at < opened_at AS "isBackwards"
       FROM support_case WHERE id > $1 ORDER BY id LIMIT ${PAGE}`,
      [after],
    );
    const last = rows.at(-1);
    if (!last) return checking.result;
    after = last.id;
    for (const { id, status, version, isBackwards } of rows) {
      const skipped = status !== 'open' && version < 2;
      const found = skipped
        ? `is ${status}, but only one event has happened to it`
        : isBackwards && 'was changed before it was opened';
      checking.look(id, found);
    }
  }
}
