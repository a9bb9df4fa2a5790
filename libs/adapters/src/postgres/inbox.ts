import { Inbox } from '@atlas/ports/adapters';
import type { PostgresUnitOfWork } from './unit-of-work';

export class PostgresInbox extends Inbox {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {
    super();
  }

  async admit(consumer: string, eventIds: readonly string[]): Promise<readonly string[]> {
    if (eventIds.length === 0) return [];
    const rows: { event_id: string }[] = await this.unitOfWork.manager.query(
      `INSERT INTO inbox (consumer, event_id)
       SELECT $1, id FROM unnest($2::uuid[]) AS event (id)
       ON CONFLICT DO NOTHING RETURNING event_id`,
      [consumer, eventIds],
    );
    const admitted = new Set(rows.map((row) => row.event_id));
    // If an id occurs twice in a batch, its first occurrence is admitted.
    return eventIds.filter((id) => admitted.delete(id.toLowerCase()));
  }

  async handled(consumer: string, eventIds: readonly string[]): Promise<ReadonlySet<string>> {
    if (eventIds.length === 0) return new Set();
    const rows: { event_id: string }[] = await this.unitOfWork.manager.query(
      'SELECT event_id FROM inbox WHERE consumer = $1 AND event_id = ANY ($2::uuid[])',
      [consumer, eventIds],
    );
    const handled = new Set(rows.map((row) => row.event_id));
    return new Set(eventIds.filter((id) => handled.has(id.toLowerCase())));
  }

  async prune(consumer: string, ageMs: number, limit: number): Promise<number> {
    const [, count]: [unknown, number] = await this.unitOfWork.manager.query(
      `DELETE FROM inbox WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM inbox WHERE consumer = $1 AND handled_at < now() - $2 * interval '1 millisecond'
         ORDER BY handled_at LIMIT $3 FOR UPDATE SKIP LOCKED
       ))`,
      [consumer, ageMs, limit],
    );
    return count;
  }
}
