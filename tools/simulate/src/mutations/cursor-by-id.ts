import { formatCursor, type OutboxCursor } from '@atlas/adapters/postgres';
import type { OutboxPage } from '@atlas/ports/adapters';
import { SimulatedOutboxSource } from '../outbox-source';

/** A relay that continues after the highest id that it has seen: a row with a lower id that commits later is lost. */
export class CursorById extends SimulatedOutboxSource {
  protected override page({ seen, window }: OutboxCursor, limit: number): OutboxPage {
    const after = BigInt(window?.after ?? '0');
    const rows = this.database.outbox
      .filter(({ id }) => id > after)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit);
    const last = rows.at(-1)?.id ?? after;
    return {
      records: rows.map(({ record }) => record),
      cursor: formatCursor({ seen, window: { upTo: seen, after: String(last) } }),
      more: rows.length === limit,
    };
  }
}
