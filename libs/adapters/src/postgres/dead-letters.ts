import {
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterKind,
  type DeadLetterResolution,
  DeadLetters,
  type StoredDeadLetter,
} from '@atlas/ports/adapters';
import type { PostgresUnitOfWork } from './unit-of-work';

interface DeadLetterRow {
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly log: string;
  readonly offset: string;
  readonly key: string | null;
  readonly kind: DeadLetterKind;
  readonly reason: string;
  readonly attempts: number;
  readonly headers: Record<string, string>;
  readonly value: Buffer | null;
  readonly recorded_at: Date;
  readonly created_at: Date;
  readonly tried_at: Date | null;
  readonly resolution: DeadLetterResolution | null;
  readonly resolved_at: Date | null;
  readonly note: string | null;
}

const COLUMNS = `id, topic, partition, log, "offset", key, kind, reason, attempts, headers, value, recorded_at, created_at,
  tried_at, resolution, resolved_at, note`;

export class PostgresDeadLetters extends DeadLetters {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {
    super();
  }

  async add(consumer: string, { record, kind, reason, attempts }: DeadLetter): Promise<boolean> {
    const added: unknown[] = await this.unitOfWork.manager.query(
      `INSERT INTO dead_letter
         (consumer, topic, partition, log, "offset", key, event_id, kind, reason, attempts, headers, value, recorded_at,
          tried_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, CASE WHEN $10::integer > 0 THEN now() END)
       ON CONFLICT DO NOTHING RETURNING id`,
      [
        consumer,
        record.topic,
        record.partition,
        record.log,
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
    if (added.length > 0) return true;
    const open: unknown[] = await this.unitOfWork.manager.query(
      `SELECT FROM dead_letter
       WHERE consumer = $1 AND topic = $2 AND partition = $3 AND "offset" = $4 AND resolution IS NULL`,
      [consumer, record.topic, record.partition, record.offset],
    );
    return open.length > 0;
  }

  async blockedKeys(consumer: string, topic: string, keys: readonly string[]): Promise<ReadonlySet<string>> {
    if (keys.length === 0) return new Set();
    // One open letter per key is enough, since a key is blocked until all are resolved; there may be very many.
    const rows: { key: string }[] = await this.unitOfWork.manager.query(
      `SELECT wanted.key FROM unnest($3::text[]) AS wanted (key)
       CROSS JOIN LATERAL (
         SELECT FROM dead_letter
         WHERE consumer = $1 AND topic = $2 AND dead_letter.key = wanted.key AND resolution IS NULL
         LIMIT 1 FOR SHARE
       ) AS open`,
      [consumer, topic, keys.map(storable)],
    );
    const blocked = new Set(rows.map((row) => row.key));
    return new Set(keys.filter((key) => blocked.has(storable(key))));
  }

  async list(
    consumer: string,
    { state, limit, after }: DeadLetterFilter,
  ): Promise<readonly StoredDeadLetter[]> {
    const rows: DeadLetterRow[] = await this.unitOfWork.manager.query(
      `SELECT ${COLUMNS} FROM dead_letter
       WHERE consumer = $1 AND id > $2 AND (resolution IS NULL OR $3) ORDER BY id LIMIT $4`,
      [consumer, after ?? '0', state === 'all', limit],
    );
    return rows.map(toLetter);
  }

  async countOpen(consumer: string): Promise<number> {
    const [row]: [{ count: number }] = await this.unitOfWork.manager.query(
      'SELECT count(*)::integer AS count FROM dead_letter WHERE consumer = $1 AND resolution IS NULL',
      [consumer],
    );
    return row.count;
  }

  async find(consumer: string, id: string): Promise<StoredDeadLetter | undefined> {
    const [row]: DeadLetterRow[] = await this.unitOfWork.manager.query(
      `SELECT ${COLUMNS} FROM dead_letter WHERE consumer = $1 AND id = $2`,
      [consumer, id],
    );
    return row && toLetter(row);
  }

  async lockFirst(consumer: string, letter: StoredDeadLetter): Promise<StoredDeadLetter | undefined> {
    const { topic, key } = letter.record;
    const first = async (lock: 'FOR UPDATE' | ''): Promise<DeadLetterRow | undefined> => {
      const [row]: DeadLetterRow[] = await this.unitOfWork.manager.query(
        `SELECT ${COLUMNS} FROM dead_letter
         WHERE consumer = $1 AND topic = $2 AND resolution IS NULL
           AND CASE WHEN $3::text IS NULL THEN id = $4 ELSE key = $3 END
         ORDER BY partition, "offset" LIMIT 1 ${lock}`,
        [consumer, topic, storable(key), letter.id],
      );
      return row;
    };
    // If the first letter was resolved while this waited for its lock, this returns none, even if there is a next one.
    while (await first('')) {
      const row = await first('FOR UPDATE');
      if (row) return toLetter(row);
    }
    return undefined;
  }

  async resolve(
    consumer: string,
    id: string,
    resolution: DeadLetterResolution,
    note?: string,
  ): Promise<void> {
    await this.unitOfWork.manager.query(
      `UPDATE dead_letter SET resolution = $3, resolved_at = now(), note = $4
       WHERE consumer = $1 AND id = $2 AND resolution IS NULL`,
      [consumer, id, resolution, storable(note ?? null)],
    );
  }

  async tryAgain(consumer: string, id: string): Promise<void> {
    await this.unitOfWork.manager.query(
      `UPDATE dead_letter SET attempts = attempts + 1, tried_at = now()
       WHERE consumer = $1 AND id = $2 AND resolution IS NULL`,
      [consumer, id],
    );
  }

  async failedAgain(
    consumer: string,
    id: string,
    { kind, reason }: Pick<DeadLetter, 'kind' | 'reason'>,
  ): Promise<void> {
    await this.unitOfWork.manager.query(
      `UPDATE dead_letter SET kind = $3, reason = $4
       WHERE consumer = $1 AND id = $2 AND resolution IS NULL`,
      [consumer, id, kind, storable(reason)],
    );
  }
}

function toLetter(row: DeadLetterRow): StoredDeadLetter {
  const { id, topic, partition, log, offset, key, kind, reason, attempts, headers, value } = row;
  return {
    id,
    record: {
      topic,
      partition,
      log,
      offset: Number(offset),
      key,
      headers,
      value,
      timestamp: row.recorded_at.getTime(),
    },
    kind,
    reason,
    attempts,
    createdAt: row.created_at,
    triedAt: row.tried_at ?? undefined,
    resolution: row.resolution ?? undefined,
    resolvedAt: row.resolved_at ?? undefined,
    note: row.note ?? undefined,
  };
}

/** PostgreSQL's text type can't store U+0000 or lone surrogates, which a foreign producer may send. */
function storable<T extends string | null>(text: T): T {
  return (text?.replaceAll('\0', '\u2400').toWellFormed() ?? null) as T;
}
