import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Finds the answers whose time is over without reading all others. */
export class IdempotencyExpiry1798164000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX idempotency_key_expires_at ON idempotency_key (expires_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX idempotency_key_expires_at');
  }
}
