import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Books1795737700000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE charge (
        id text PRIMARY KEY,
        key text NOT NULL UNIQUE,
        reference text NOT NULL,
        amount bigint NOT NULL CHECK (amount >= 0),
        currency text NOT NULL,
        source text NOT NULL,
        declined text,
        created_at timestamptz NOT NULL
      );
      CREATE INDEX charge_reference ON charge (reference);

      CREATE TABLE refund (
        id text PRIMARY KEY,
        key text NOT NULL UNIQUE,
        charge_id text NOT NULL UNIQUE REFERENCES charge,
        amount bigint NOT NULL CHECK (amount >= 0),
        currency text NOT NULL,
        created_at timestamptz NOT NULL
      );

      -- What moved, for clients to compare with their own books. A transaction that began earlier may commit later, so
      -- ids alone are no order to read on in: see entries() of the repository.
      CREATE TABLE book_entry (
        sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        id text NOT NULL UNIQUE,
        kind text NOT NULL CHECK (kind IN ('charge', 'refund')),
        charge_id text NOT NULL REFERENCES charge,
        reference text NOT NULL,
        amount bigint NOT NULL,
        currency text NOT NULL,
        at timestamptz NOT NULL
      );
      CREATE INDEX book_entry_order ON book_entry (xid, sequence);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE book_entry, refund, charge');
  }
}
