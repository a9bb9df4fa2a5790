import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Payments1795737700000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE payment (
        id uuid PRIMARY KEY,
        status text NOT NULL CHECK (
          status IN ('pending', 'captured', 'declined', 'failed', 'voided', 'refunding', 'refunded')),
        amount bigint NOT NULL CHECK (amount >= 0),
        currency text NOT NULL,
        payment_token text NOT NULL,
        charge_id text CHECK ((charge_id IS NOT NULL) = (status IN ('captured', 'refunding', 'refunded'))),
        refund_id text CHECK ((refund_id IS NOT NULL) = (status = 'refunded')),
        reason text CHECK (reason IS NOT NULL OR status NOT IN ('declined', 'failed')),
        cancel_requested boolean NOT NULL,
        attempts integer NOT NULL,
        unanswered_charges integer NOT NULL,
        -- When the next step is due; while a worker asks the provider, when its claim ends.
        due_at timestamptz CHECK ((due_at IS NOT NULL) = (status IN ('pending', 'refunding'))),
        version integer NOT NULL,
        requested_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL,
        flow jsonb
      );
      CREATE INDEX payment_due ON payment (due_at) WHERE due_at IS NOT NULL;

      -- Double entry. A payment is captured once and refunded once; entries are never changed.
      CREATE TABLE ledger_transaction (
        id text PRIMARY KEY CHECK (id = payment_id::text || ':' || kind),
        payment_id uuid NOT NULL REFERENCES payment,
        kind text NOT NULL CHECK (kind IN ('capture', 'refund')),
        at timestamptz NOT NULL DEFAULT now()
      );
      CREATE TABLE ledger_entry (
        transaction_id text NOT NULL REFERENCES ledger_transaction,
        account text NOT NULL CHECK (account IN ('provider-clearing', 'sales')),
        debit bigint NOT NULL CHECK (debit >= 0),
        credit bigint NOT NULL CHECK (credit >= 0),
        currency text NOT NULL,
        PRIMARY KEY (transaction_id, account),
        CHECK (debit = 0 OR credit = 0)
      );

      -- Deferred to the commit, when all entries of the transaction are there.
      CREATE FUNCTION require_balance() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE booked text;
        BEGIN
          IF TG_TABLE_NAME = 'ledger_entry' THEN booked := NEW.transaction_id; ELSE booked := NEW.id; END IF;
          IF (SELECT count(*) < 2 OR count(DISTINCT currency) > 1 OR sum(debit) <> sum(credit)
              FROM ledger_entry WHERE transaction_id = booked) THEN
            RAISE EXCEPTION 'ledger transaction % is not balanced', booked USING ERRCODE = 'check_violation';
          END IF;
          RETURN NULL;
        END $$;
      CREATE CONSTRAINT TRIGGER ledger_transaction_balanced AFTER INSERT ON ledger_transaction
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_balance();
      CREATE CONSTRAINT TRIGGER ledger_entry_balanced AFTER INSERT ON ledger_entry
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_balance();

      CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the ledger is append-only: book a refund instead'; END $$;
      CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
      CREATE TRIGGER ledger_transaction_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transaction
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

      -- The provider's books, as far as we have read them. A charge is unmatched if its payment did not hold it when it
      -- was read, or if it has none.
      CREATE TABLE statement_line (
        id text PRIMARY KEY,
        kind text NOT NULL CHECK (kind IN ('charge', 'refund')),
        charge_id text NOT NULL,
        reference text NOT NULL,
        amount bigint NOT NULL,
        currency text NOT NULL,
        unmatched boolean NOT NULL,
        at timestamptz NOT NULL,
        read_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX statement_line_charge ON statement_line (charge_id);
      CREATE INDEX statement_line_unmatched ON statement_line (charge_id) WHERE unmatched;
      CREATE TABLE statement_position (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        position text NOT NULL
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE statement_position, statement_line, ledger_entry, ledger_transaction, payment;
      DROP FUNCTION require_balance, refuse_change;
    `);
  }
}
