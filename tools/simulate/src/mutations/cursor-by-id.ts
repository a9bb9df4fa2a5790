import { formatCursor, type OutboxCursor } from '@atlas/adapters/postgres';
import type { OutboxPage } from '@atlas/ports/adapters';
import { SimulatedOutboxSource } from '../outbox-source';

/** A relay that continues after the highest id that it has seen: a row with a lower id that commits later is lost. */
export class CursorById extends SimulatedOutboxSource {
  protected override page({ top, next }: OutboxCursor, limit: number): OutboxPage {
    const rows = this.database.outbox
      .filter(({ id }) => id > top)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit);
    return {
      records: rows.map(({ record }) => record),
      cursor: formatCursor({ top: rows.at(-1)?.id ?? top, running: [], next }),
      more: rows.length === limit,
    };
  }
}
