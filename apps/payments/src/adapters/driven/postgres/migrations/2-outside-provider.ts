import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The provider leaves this database for a process of its own; what it had on its books waits to be handed over. */
export class OutsideProvider1798329600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE payment ADD COLUMN silences integer NOT NULL DEFAULT 0;

      CREATE TABLE former_charge (
        payment_id uuid PRIMARY KEY REFERENCES payment,
        charge_id text,
        refund_id text,
        declined text,
        CHECK ((charge_id IS NULL) <> (declined IS NULL))
      );
      INSERT INTO former_charge SELECT key::uuid, charge_id, refund_id, declined FROM sandbox_provider.charge;
      DROP SCHEMA sandbox_provider CASCADE;

      -- The provider's books, as far as we have read them. Astray is a charge that its payment did not hold when it
      -- was read, or that has no payment.
      CREATE TABLE statement_line (
        id text PRIMARY KEY,
        kind text NOT NULL CHECK (kind IN ('charge', 'refund')),
        charge_id text NOT NULL,
        reference text NOT NULL,
        payment_id uuid,
        amount bigint NOT NULL,
        currency text NOT NULL,
        astray boolean NOT NULL,
        at timestamptz NOT NULL,
        read_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX statement_line_charge ON statement_line (charge_id);
      CREATE INDEX statement_line_astray ON statement_line (charge_id) WHERE astray;
      CREATE TABLE statement_position (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        position text NOT NULL
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE statement_position, statement_line;
      CREATE SCHEMA sandbox_provider;
      CREATE TABLE sandbox_provider.charge (
        key text PRIMARY KEY,
        amount bigint NOT NULL,
        charge_id text UNIQUE,
        refund_id text,
        declined text,
        CHECK ((charge_id IS NULL) <> (declined IS NULL))
      );
      INSERT INTO sandbox_provider.charge
        SELECT payment_id::text, amount, former_charge.charge_id, former_charge.refund_id, declined
        FROM former_charge JOIN payment ON id = payment_id;
      DROP TABLE former_charge;
      ALTER TABLE payment DROP COLUMN silences;
    `);
  }
}
