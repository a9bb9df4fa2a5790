import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Orders get a time by which they are settled or given up; those that are there get a quarter of an hour from now. */
export class OrderDeadlines1798156800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE orders ADD COLUMN due_at timestamptz NOT NULL DEFAULT now() + interval '15 minutes';
      ALTER TABLE orders ALTER COLUMN due_at DROP DEFAULT;
      CREATE INDEX orders_due ON orders (due_at) WHERE status IN ('placed', 'awaiting-payment');
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE orders DROP COLUMN due_at');
  }
}
