import { createHash } from 'node:crypto';
import {
  bytesOf,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterKind,
  type DeadLetterResolution,
  DeadLetters,
  type StoredDeadLetter,
  textOf,
} from '@atlas/ports/adapters';
import type { PostgresUnitOfWork } from './unit-of-work';

interface DeadLetterRow {
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly log: string;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly headers: Record<string, string>;
  readonly value: Buffer | null;
  readonly appended_at: string;
  readonly kind: DeadLetterKind;
  readonly reason: string;
  readonly attempts: number;
  readonly created_at: Date;
  readonly tried_at: Date | null;
  readonly resolution: DeadLetterResolution | null;
  readonly resolved_at: Date | null;
  readonly note: string | null;
}

const COLUMNS = `id, topic, partition, log, "offset", key, headers, value, appended_at, kind, reason, attempts, created_at,
  tried_at, resolution, resolved_at, note`;

/** The size of a page, apart from its first letter: a record may have megabytes. */
const PAGE_BYTES = 16 * 1024 * 1024;

export class PostgresDeadLetters extends DeadLetters {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {
    super();
  }

  async add(consumer: string, { record, kind, reason, attempts }: DeadLetter): Promise<boolean> {
    const { topic, partition, log, offset, value, timestamp } = record;
    const key = record.key === null ? null : bytesOf(record.key);
    const headers = JSON.stringify(record.headers);
    // Of everything else, should a log ever use an offset twice: a broker may lose records that it had delivered.
    const digest = digestOf(
      JSON.stringify([record.key, headers, timestamp, value && digestOf(value).toString('hex')]),
    );
    const bytes = (key?.length ?? 0) + Buffer.byteLength(headers) + (value?.length ?? 0);
    const added: unknown[] = await this.unitOfWork.manager.query(
      `INSERT INTO dead_letter (consumer, topic, partition, log, "offset", digest, key, headers, value, appended_at, bytes,
         kind, reason, attempts, tried_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
         CASE WHEN $14::integer > 0 THEN now() END)
       ON CONFLICT (consumer, log, topic, partition, "offset", digest) DO NOTHING RETURNING id`,
      [
        consumer,
        topic,
        partition,
        log,
        offset,
        digest,
        key,
        headers,
        value,
        timestamp,
        bytes,
        kind,
        storable(reason),
        attempts,
      ],
    );
    if (added.length > 0) return true;
    const [same]: { open: boolean }[] = await this.unitOfWork.manager.query(
      `SELECT resolution IS NULL AS open FROM dead_letter
       WHERE consumer = $1 AND topic = $2 AND partition = $3 AND log = $4 AND "offset" = $5 AND digest = $6`,
      [consumer, topic, partition, log, offset, digest],
    );
    if (!same)
      throw new Error(`The dead letter of ${topic}/${partition}@${offset} was neither stored nor found`);
    return same.open;
  }

  async blockedKeys(consumer: string, topic: string, keys: readonly string[]): Promise<ReadonlySet<string>> {
    if (keys.length === 0) return new Set();
    // One open letter per key is enough, since a key is blocked until all are resolved; there may be very many.
    const rows: { place: number }[] = await this.unitOfWork.manager.query(
      `SELECT wanted.place::integer FROM unnest($3::bytea[]) WITH ORDINALITY AS wanted (digest, place)
       CROSS JOIN LATERAL (
         SELECT FROM dead_letter
         WHERE consumer = $1 AND topic = $2 AND sha256(key) = wanted.digest AND resolution IS NULL
         LIMIT 1 FOR SHARE
       ) AS open`,
      [consumer, topic, keys.map((key) => digestOf(bytesOf(key)))],
    );
    return new Set(rows.map(({ place }) => keys[place - 1] as string));
  }

  async list(
    consumer: string,
    { state, limit, after = '0' }: DeadLetterFilter,
  ): Promise<readonly StoredDeadLetter[]> {
    const rows: DeadLetterRow[] = await this.unitOfWork.manager.query(
      `SELECT ${COLUMNS} FROM dead_letter WHERE id IN (
         SELECT id FROM (
           SELECT id, sum(bytes) OVER (ORDER BY id) - bytes AS before FROM (
             SELECT id, bytes FROM dead_letter
             WHERE consumer = $1 AND id > $2 ${state === 'open' ? 'AND resolution IS NULL' : ''} ORDER BY id LIMIT $3
           ) AS next
         ) AS page WHERE before < $4
       ) ORDER BY id`,
      [consumer, after, limit, PAGE_BYTES],
    );
    return rows.map(toLetter);
  }

  async countOpen(consumer: string, limit: number): Promise<number> {
    const [row]: [{ count: number }] = await this.unitOfWork.manager.query(
      `SELECT count(*)::integer AS count FROM (
         SELECT FROM dead_letter WHERE consumer = $1 AND resolution IS NULL LIMIT $2
       ) AS open`,
      [consumer, limit],
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
        key === null
          ? `SELECT ${COLUMNS} FROM dead_letter WHERE consumer = $1 AND id = $2 AND resolution IS NULL ${lock}`
          : `SELECT ${COLUMNS} FROM dead_letter
             WHERE consumer = $1 AND topic = $2 AND sha256(key) = $3 AND resolution IS NULL
             ORDER BY id LIMIT 1 ${lock}`,
        key === null ? [consumer, letter.id] : [consumer, topic, digestOf(bytesOf(key))],
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
  ): Promise<boolean> {
    const [, count]: [unknown, number] = await this.unitOfWork.manager.query(
      `UPDATE dead_letter SET kind = $3, reason = $4
       WHERE consumer = $1 AND id = $2 AND resolution IS NULL`,
      [consumer, id, kind, storable(reason)],
    );
    return count > 0;
  }

  async prune(consumer: string, ageMs: number, limit: number): Promise<number> {
    const [, count]: [unknown, number] = await this.unitOfWork.manager.query(
      `DELETE FROM dead_letter WHERE id = ANY (ARRAY(
         SELECT id FROM dead_letter
         WHERE consumer = $1 AND resolution IS NOT NULL AND resolved_at < now() - $2 * interval '1 millisecond'
         ORDER BY resolved_at LIMIT $3 FOR UPDATE SKIP LOCKED
       ))`,
      [consumer, ageMs, limit],
    );
    return count;
  }
}

function toLetter(row: DeadLetterRow): StoredDeadLetter {
  const { id, topic, partition, log, offset, key, headers, value, kind, reason, attempts } = row;
  return {
    id,
    record: {
      topic,
      partition,
      log,
      offset: Number(offset),
      key: key && textOf(key),
      headers,
      value,
      timestamp: Number(row.appended_at),
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

const digestOf = (content: string | Buffer): Buffer => createHash('sha256').update(content).digest();

/** PostgreSQL's text type can't store U+0000 or lone surrogates, which a foreign producer may send. */
function storable<T extends string | null>(text: T): T {
  return (text?.replaceAll('\0', '\u2400').toWellFormed() ?? null) as T;
}
