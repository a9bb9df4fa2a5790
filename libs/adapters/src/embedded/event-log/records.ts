import type { ConsumedRecord, PartitionDescription } from '@atlas/ports/adapters';
import type { LogDatabase } from './database';

/** The next position to read in a partition. */
export interface Position {
  readonly partitionId: number;
  readonly topic: string;
  readonly partition: number;
  readonly log: string;
  readonly position: number;
}

export interface Fetched {
  readonly records: readonly ConsumedRecord[];
  /** True if more records were available. */
  readonly more: boolean;
}

interface Row {
  partition_id: number;
  offset: number;
  key: string | null;
  headers: Record<string, string>;
  value: Buffer | null;
  recorded_at: Date;
  end_offset: number;
  bytes: number;
}

/** The partitions with these ids, or of these topics, or all; by id, in order of topic and number. */
export async function describePartitions(
  database: LogDatabase,
  { ids, topics }: { readonly ids?: readonly number[]; readonly topics?: readonly string[] | undefined } = {},
): Promise<ReadonlyMap<number, PartitionDescription>> {
  const rows = await database.query<PartitionDescription & { readonly id: number }>(
    `SELECT id, topic, partition, log, end_offset AS "end",
            coalesce((SELECT min("offset") FROM log_record WHERE partition_id = id), end_offset) AS start
     FROM topic_partition
     WHERE ($1::integer[] IS NULL OR id = ANY ($1)) AND ($2::text[] IS NULL OR topic = ANY ($2))
     ORDER BY topic COLLATE "C", partition`,
    [ids ?? null, topics ?? null],
  );
  return new Map(rows.map(({ id, ...description }) => [id, description]));
}

/** Memory limit of a fetch; the record that exceeds it is the last. */
const FETCH_BYTES = 8 * 1024 * 1024;

// Takes the first record of each partition, then the second of each and so on, until the byte limit is reached.
const FETCH = `
  SELECT partition_id, "offset", key, headers, value, recorded_at, end_offset, bytes
  FROM (
    SELECT part.id AS partition_id, part.end_offset, r.*, sum(r.size) OVER (ORDER BY r.rank, part.id)::bigint AS bytes
    FROM unnest($1::integer[], $2::bigint[]) AS wanted (partition_id, position)
    JOIN topic_partition part ON part.id = wanted.partition_id
    CROSS JOIN LATERAL (
      SELECT "offset", key, headers, value, recorded_at,
             coalesce(octet_length(key), 0) + pg_column_size(headers) + coalesce(octet_length(value), 0) + 200 AS size,
             row_number() OVER (ORDER BY "offset") AS rank
      FROM log_record
      WHERE log_record.partition_id = wanted.partition_id AND "offset" >= wanted.position
      ORDER BY "offset"
      LIMIT $3
    ) r
  ) page
  WHERE bytes - size < $4
  ORDER BY partition_id, "offset"`;

/**
 * Reads the next records of several partitions: at most `maxRecords` of each, and not much more than {@link
 * FETCH_BYTES} in total. The result has an entry for every requested partition.
 */
export async function fetchRecords(
  database: LogDatabase,
  positions: readonly Position[],
  maxRecords: number,
): Promise<ReadonlyMap<number, Fetched>> {
  const rows = await database.query<Row>(
    FETCH,
    [
      positions.map(({ partitionId }) => partitionId),
      positions.map(({ position }) => position),
      maxRecords,
      FETCH_BYTES,
    ],
    'fetch',
  );
  const full = rows.some((row) => row.bytes >= FETCH_BYTES);
  const found = new Map<number, Row[]>();
  for (const row of rows) {
    const others = found.get(row.partition_id);
    if (others) others.push(row);
    else found.set(row.partition_id, [row]);
  }
  return new Map(
    positions.map(({ partitionId, topic, partition, log }) => {
      const own = found.get(partitionId) ?? [];
      const last = own.at(-1);
      const records = own.map((row) => ({
        topic,
        partition,
        log,
        offset: row.offset,
        key: row.key,
        headers: row.headers,
        value: row.value,
        timestamp: row.recorded_at.getTime(),
      }));
      return [
        partitionId,
        { records, more: full || (last !== undefined && last.offset + 1 < last.end_offset) },
      ];
    }),
  );
}
