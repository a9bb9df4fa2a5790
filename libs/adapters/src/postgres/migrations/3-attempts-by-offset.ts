import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Each offset has its own count: what is begun before a record must not make its attempts forgotten. */
export class AttemptsByOffset1798160300000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE consumer_attempt
        DROP CONSTRAINT consumer_attempt_pkey,
        ADD PRIMARY KEY (consumer, topic, partition, unit, "offset");
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DELETE FROM consumer_attempt;
      ALTER TABLE consumer_attempt
        DROP CONSTRAINT consumer_attempt_pkey,
        ADD PRIMARY KEY (consumer, topic, partition, unit);
    `);
  }
}
