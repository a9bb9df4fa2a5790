import type { MigrationInterface, QueryRunner } from 'typeorm';

export class HelpDesk1795737700000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE support_case (
        id uuid PRIMARY KEY,
        title text NOT NULL,
        status text NOT NULL CHECK (status IN ('open', 'closed')),
        version integer NOT NULL,
        opened_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL
      );
      CREATE INDEX support_case_status ON support_case (status, id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE support_case');
  }
}
