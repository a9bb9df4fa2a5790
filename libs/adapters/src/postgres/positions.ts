import {
  type LogPartition,
  type PartitionDescription,
  type Position,
  PositionMovedError,
  Positions,
} from '@atlas/ports/adapters';
import type { PostgresUnitOfWork } from './unit-of-work';

interface PositionRow {
  readonly topic: string;
  readonly partition: number;
  readonly log: string;
  readonly next_offset: string;
  readonly moved_at: Date;
}

export class PostgresPositions extends Positions {
  constructor(private readonly unitOfWork: Pick<PostgresUnitOfWork, 'manager'>) {
    super();
  }

  async open(consumer: string, partitions: readonly PartitionDescription[]): Promise<readonly number[]> {
    const keys = [
      consumer,
      partitions.map(({ topic }) => topic),
      partitions.map(({ partition }) => partition),
      partitions.map(({ log }) => log),
    ];
    await this.unitOfWork.manager.query(
      `INSERT INTO consumer_position (consumer, topic, partition, log, next_offset)
       SELECT $1, * FROM unnest($2::text[], $3::integer[], $4::text[], $5::bigint[])
       ON CONFLICT DO NOTHING`,
      [...keys, partitions.map(({ start }) => start)],
    );
    const rows: Pick<PositionRow, 'next_offset'>[] = await this.unitOfWork.manager.query(
      `SELECT next_offset FROM unnest($2::text[], $3::integer[], $4::text[]) WITH ORDINALITY
         AS wanted (topic, partition, log, place)
       JOIN consumer_position USING (topic, partition, log)
       WHERE consumer = $1 ORDER BY place`,
      keys,
    );
    return rows.map((row) => Number(row.next_offset));
  }

  async move(consumer: string, place: LogPartition, from: number, to: number): Promise<void> {
    const [, moved]: [unknown, number] = await this.unitOfWork.manager.query(
      `UPDATE consumer_position SET next_offset = $6, moved_at = now()
       WHERE consumer = $1 AND topic = $2 AND partition = $3 AND log = $4 AND next_offset = $5`,
      [consumer, place.topic, place.partition, place.log, from, to],
    );
    if (moved !== 1) throw new PositionMovedError(consumer, place, from);
  }

  async set(consumer: string, { topic, partition, log }: LogPartition, next: number): Promise<void> {
    await this.unitOfWork.manager.query(
      `INSERT INTO consumer_position (consumer, topic, partition, log, next_offset) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (consumer, topic, partition, log) DO UPDATE SET next_offset = $5, moved_at = now()`,
      [consumer, topic, partition, log, next],
    );
  }

  async list(consumer: string): Promise<readonly Position[]> {
    const rows: PositionRow[] = await this.unitOfWork.manager.query(
      `SELECT topic, partition, log, next_offset, moved_at FROM consumer_position
       WHERE consumer = $1 ORDER BY topic COLLATE "C", partition, moved_at`,
      [consumer],
    );
    return rows.map(({ next_offset, moved_at, ...place }) => ({
      ...place,
      next: Number(next_offset),
      movedAt: moved_at,
    }));
  }
}
