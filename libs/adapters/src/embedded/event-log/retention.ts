import { Loop } from '@atlas/resilience';
import type { LogDatabase } from './database';
import { RETENTION_LOCK } from './schema';

/** How often old records are deleted; a record may outlive its retention by that much. */
const REST_MS = 10 * 60_000;
/** Room for a round that is late. */
const SLACK_MS = 6 * REST_MS;
/** Small enough that no transaction takes long. */
const CHUNK = 2_000;

/** Deletes records that are older than their topic's retention, oldest first. Several processes may run it at once. */
export class Retention {
  private readonly loop: Loop;

  constructor(
    private readonly database: LogDatabase,
    report: (error: unknown) => void,
  ) {
    this.loop = new Loop(
      async (signal) => {
        await this.prune(signal);
        return 'rest';
      },
      { restMs: REST_MS, onFailure: report },
    );
  }

  start(): void {
    void this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  /** @returns how many records it has deleted. */
  async prune(signal?: AbortSignal): Promise<number> {
    const partitions = await this.database.query<{ id: number }>(
      'SELECT id FROM topic_partition WHERE retention_ms IS NOT NULL',
    );
    let all = 0;
    for (const { id } of partitions) {
      for (let chunk = CHUNK; chunk === CHUNK && !signal?.aborted; all += chunk) {
        chunk = await this.pruneChunk(id);
      }
    }
    return all;
  }

  /**
   * A partition's oldest records up to the first that must stay, so that its offsets have no gap. It finds them at the
   * start of the index, however many records follow.
   */
  private async pruneChunk(partitionId: number): Promise<number> {
    return this.database.transaction(async (query) => {
      const [turn] = await query<{ taken: boolean }>('SELECT pg_try_advisory_xact_lock($1, 0) AS taken', [
        RETENTION_LOCK,
      ]);
      if (!turn?.taken) return 0;
      const [done] = await query<{ deleted: number }>(DELETE_OLDEST, [partitionId, CHUNK]);
      return done?.deleted ?? 0;
    });
  }
}

const DELETE_OLDEST = `
  WITH oldest AS (
    SELECT "offset", recorded_at FROM log_record WHERE partition_id = $1 ORDER BY "offset" LIMIT $2
  ), kept AS (
    SELECT coalesce(min("offset") FILTER (WHERE recorded_at > clock_timestamp() - retention_ms * interval '1 ms'),
                    max("offset") + 1) AS first
    FROM oldest, topic_partition WHERE id = $1
  ), deleted AS (
    DELETE FROM log_record WHERE partition_id = $1 AND "offset" < (SELECT first FROM kept) RETURNING 1
  )
  SELECT count(*) AS deleted FROM deleted`;

/**
 * How long after its append a record of these topics may still be delivered, milliseconds: their retention, or the age
 * of their oldest record if nothing has been deleted for a while.
 */
export async function redeliveryWindow(database: LogDatabase, topics: readonly string[]): Promise<number> {
  const rows = await database.query<{ retention: number | null; age: number | null }>(
    `SELECT retention_ms AS retention,
            (SELECT extract(epoch FROM clock_timestamp() - recorded_at)::float8 * 1000 FROM log_record
             WHERE partition_id = id ORDER BY "offset" LIMIT 1) AS age
     FROM topic_partition WHERE topic = ANY ($1::text[])`,
    [topics],
  );
  return Math.max(
    0,
    ...rows.map(({ retention, age }) => Math.max((retention ?? Infinity) + SLACK_MS, age ?? 0)),
  );
}
