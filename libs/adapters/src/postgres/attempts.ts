import { type Attempt, Attempts } from '@atlas/ports/adapters';
import type { DataSource } from 'typeorm';

/** Uses its own connections, outside the open unit of work. */
export class PostgresAttempts extends Attempts {
  constructor(private readonly dataSource: DataSource) {
    super();
  }

  async begin(
    consumer: string,
    { unit, topic, partition, log, offset }: Attempt,
    anew = false,
  ): Promise<number> {
    const [row] = await this.dataSource.query<[{ attempts: number }]>(
      `INSERT INTO consumer_attempt (consumer, topic, partition, log, unit, "offset", attempts)
       VALUES ($1, $2, $3, $4, $5, $6, 1)
       ON CONFLICT (consumer, topic, partition, log, unit, "offset") DO UPDATE SET
         attempts = CASE WHEN $7 THEN 1 ELSE consumer_attempt.attempts + 1 END,
         begun_at = now()
       RETURNING attempts`,
      [consumer, topic, partition, log, unit, offset, anew],
    );
    return row.attempts;
  }

  async end(consumer: string, topic: string, partition: number): Promise<void> {
    await this.dataSource.query(
      'DELETE FROM consumer_attempt WHERE consumer = $1 AND topic = $2 AND partition = $3',
      [consumer, topic, partition],
    );
  }
}
