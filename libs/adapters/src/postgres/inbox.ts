import { Inbox } from '@atlas/ports';
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
    // An id that comes twice in one batch is admitted where it comes first.
    return eventIds.filter((id) => admitted.delete(id.toLowerCase()));
  }
}
