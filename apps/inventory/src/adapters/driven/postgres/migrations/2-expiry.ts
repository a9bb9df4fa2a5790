import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Holds end by themselves; those that are there end in an hour. */
export class ReservationExpiry1798156800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE reservation ADD COLUMN expires_at timestamptz NOT NULL DEFAULT now() + interval '1 hour';
      ALTER TABLE reservation ALTER COLUMN expires_at DROP DEFAULT;
      ALTER TABLE reservation DROP CONSTRAINT reservation_status_check,
        ADD CONSTRAINT reservation_status_check
          CHECK (status IN ('held', 'committed', 'released', 'expired', 'rejected'));
      CREATE INDEX reservation_expires ON reservation (expires_at) WHERE status = 'held';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE reservation DROP COLUMN expires_at;
      UPDATE reservation SET status = 'released' WHERE status = 'expired';
      ALTER TABLE reservation DROP CONSTRAINT reservation_status_check,
        ADD CONSTRAINT reservation_status_check CHECK (status IN ('held', 'committed', 'released', 'rejected'));
    `);
  }
}
