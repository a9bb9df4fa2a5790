import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Dead letters get a short name, and are resolved instead of deleted; what consumers begin is taken down. */
export class DeadLetterResolution1798156700000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE dead_letter
        ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
        ADD COLUMN tried_at timestamptz,
        ADD COLUMN resolution text CHECK (resolution IN ('replayed', 'discarded')),
        ADD COLUMN resolved_at timestamptz CHECK ((resolved_at IS NULL) = (resolution IS NULL)),
        ADD COLUMN note text;
      UPDATE dead_letter SET tried_at = created_at WHERE attempts > 0;
      DROP INDEX dead_letter_key;
      CREATE INDEX dead_letter_open ON dead_letter (consumer, topic, key) WHERE resolution IS NULL;

      CREATE TABLE consumer_attempt (
        consumer text NOT NULL,
        topic text NOT NULL,
        partition integer NOT NULL,
        unit text NOT NULL,
        "offset" bigint NOT NULL,
        attempts integer NOT NULL,
        begun_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (consumer, topic, partition, unit)
      );

      CREATE INDEX inbox_handled_at ON inbox USING brin (handled_at);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX inbox_handled_at;
      DROP TABLE consumer_attempt;
      DELETE FROM dead_letter WHERE resolution IS NOT NULL;
      DROP INDEX dead_letter_open;
      CREATE INDEX dead_letter_key ON dead_letter (consumer, topic, key);
      ALTER TABLE dead_letter
        DROP COLUMN note, DROP COLUMN resolved_at, DROP COLUMN resolution, DROP COLUMN tried_at, DROP COLUMN id;
    `);
  }
}
