import { type DeadLetter, DeadLetters } from '@atlas/ports';
import type { PostgresUnitOfWork } from './unit-of-work';

export class PostgresDeadLetters extends DeadLetters {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {
    super();
  }

  async add(consumer: string, { record, kind, reason, attempts }: DeadLetter): Promise<void> {
    await this.unitOfWork.manager.query(
      `INSERT INTO dead_letter
         (consumer, topic, partition, "offset", key, event_id, kind, reason, attempts, headers, value, recorded_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
       ON CONFLICT DO NOTHING`,
      [
        consumer,
        record.topic,
        record.partition,
        record.offset,
        storable(record.key),
        storable(record.headers['ce_id'] ?? null),
        kind,
        storable(reason),
        attempts,
        JSON.stringify(
          Object.fromEntries(
            Object.entries(record.headers).map(([name, text]) => [storable(name), storable(text)]),
          ),
        ),
        record.value,
        new Date(record.timestamp),
      ],
    );
  }

  async blockedKeys(consumer: string, topic: string, keys: readonly string[]): Promise<ReadonlySet<string>> {
    if (keys.length === 0) return new Set();
    const rows: { key: string }[] = await this.unitOfWork.manager.query(
      'SELECT DISTINCT key FROM dead_letter WHERE consumer = $1 AND topic = $2 AND key = ANY ($3::text[])',
      [consumer, topic, keys.map(storable)],
    );
    const blocked = new Set(rows.map((row) => row.key));
    return new Set(keys.filter((key) => blocked.has(storable(key))));
  }
}

/** PostgreSQL's text can't hold U+0000 or half a surrogate pair, which a foreign producer may send. */
function storable<T extends string | null>(text: T): T {
  return (text?.replaceAll('\0', '\u2400').toWellFormed() ?? null) as T;
}
