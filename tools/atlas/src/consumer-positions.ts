import type { PartitionDescription } from '@atlas/ports/adapters';
import type { Client } from 'pg';

/** Where a consumer is in a partition of the present log, as its own database says. */
export interface ConsumerPosition extends PartitionDescription {
  readonly consumer: string;
  /** The offset of the next record to handle. */
  readonly position: number;
  /** Why it stands still: the log no longer has what comes next. */
  readonly gap: string | undefined;
}

/** The positions of a service, in the order of the partitions; those in former logs are left out. */
export async function positionsOf(
  consumer: string,
  database: Client,
  partitions: readonly PartitionDescription[],
): Promise<readonly ConsumerPosition[]> {
  const { rows } = await database.query<{ place: string; next: string }>(
    `SELECT topic || '/' || partition || ' ' || log AS place, next_offset AS next
     FROM consumer_position WHERE consumer = $1`,
    [consumer],
  );
  const positions = new Map(rows.map(({ place, next }) => [place, Number(next)]));
  return partitions.flatMap((each) => {
    const position = positions.get(`${each.topic}/${each.partition} ${each.log}`);
    return position === undefined ? [] : [{ ...each, consumer, position, gap: gapOf(position, each) }];
  });
}

function gapOf(position: number, { start, end }: PartitionDescription): string | undefined {
  if (position < start) {
    return `is at offset ${position}, but the oldest record is at ${start}: records were deleted before they were handled`;
  }
  if (position > end) return `is at offset ${position}, but the log ends at ${end}: it has lost records`;
  return undefined;
}

/** Sets the position; the consumer may be running. @returns false if it has none in this partition. */
export async function setPosition(
  database: Client,
  { consumer, topic, partition, log }: Pick<ConsumerPosition, 'consumer' | 'topic' | 'partition' | 'log'>,
  next: number,
): Promise<boolean> {
  const { rowCount } = await database.query(
    `UPDATE consumer_position SET next_offset = $5, moved_at = now()
     WHERE consumer = $1 AND topic = $2 AND partition = $3 AND log = $4`,
    [consumer, topic, partition, log, next],
  );
  return rowCount === 1;
}
