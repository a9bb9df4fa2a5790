import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The tables that every context's database has in addition to its own: outbox, inbox, dead letters, idempotency keys.
 */
export class Backbone1795737600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- xid comes before id, so that a transaction has its number before it draws an id: see docs/adr/0003.
      CREATE TABLE outbox (
        xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_id uuid NOT NULL,
        topic text NOT NULL,
        aggregate_id text NOT NULL,
        aggregate_version integer NOT NULL,
        headers jsonb NOT NULL,
        payload bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX outbox_xid ON outbox (xid, id);

      -- Written by the relay after it has read what it publishes, so that it recognises a database without it.
      CREATE TABLE outbox_mark (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        token uuid NOT NULL DEFAULT gen_random_uuid()
      );

      CREATE FUNCTION notify_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_notify('outbox', ''); RETURN NULL; END $$;
      CREATE TRIGGER outbox_notify AFTER INSERT ON outbox
        FOR EACH STATEMENT EXECUTE FUNCTION notify_outbox();

      CREATE TABLE inbox (
        consumer text NOT NULL,
        event_id uuid NOT NULL,
        handled_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (consumer, event_id)
      );
      -- Not BRIN: rows that take the place of deleted ones would spread old and new times over all its ranges.
      CREATE INDEX inbox_handled_at ON inbox (consumer, handled_at);

      -- Written in the transaction of each batch, so that it is always as old as the effects.
      CREATE TABLE consumer_position (
        consumer text NOT NULL,
        topic text NOT NULL,
        partition integer NOT NULL,
        log text NOT NULL, -- identifies the topic: one that is made anew begins at its oldest record
        next_offset bigint NOT NULL,
        moved_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (consumer, topic, partition, log)
      ) WITH (fillfactor = 20); -- room for new versions of a row on its page

      -- Deliveries that were started and not finished, so that a record that kills its process is found out.
      CREATE TABLE consumer_attempt (
        consumer text NOT NULL,
        topic text NOT NULL,
        partition integer NOT NULL,
        log text NOT NULL, -- as in dead_letter
        unit text NOT NULL,
        "offset" bigint NOT NULL,
        attempts integer NOT NULL,
        begun_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (consumer, topic, partition, log, unit, "offset")
      );

      -- Records are kept byte for byte: a foreign producer may write anything.
      CREATE TABLE dead_letter (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        consumer text NOT NULL,
        topic text NOT NULL,
        partition integer NOT NULL,
        log text NOT NULL, -- identifies the topic: an offset comes again in one that is made anew
        "offset" bigint NOT NULL,
        key bytea,
        headers json NOT NULL, -- not jsonb, which can't hold U+0000 and lone surrogates
        value bytea,
        appended_at bigint NOT NULL, -- milliseconds since 1970; timestamptz doesn't hold every time
        bytes integer NOT NULL, -- the size of key, headers and value
        digest bytea NOT NULL, -- of key, headers, value and appended_at
        kind text NOT NULL,
        reason text NOT NULL,
        attempts integer NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        tried_at timestamptz,
        resolution text CHECK (resolution IN ('replayed', 'discarded')),
        resolved_at timestamptz CHECK ((resolved_at IS NULL) = (resolution IS NULL)),
        note text,
        UNIQUE (consumer, log, topic, partition, "offset", digest)
      );
      CREATE INDEX dead_letter_open ON dead_letter (consumer, id) WHERE resolution IS NULL;
      CREATE INDEX dead_letter_resolved ON dead_letter (consumer, resolved_at) WHERE resolution IS NOT NULL;
      -- A digest, because an index row can't hold a key of more than 2,704 bytes.
      CREATE INDEX dead_letter_key ON dead_letter (consumer, topic, sha256(key), id) WHERE resolution IS NULL;

      CREATE TABLE idempotency_key (
        scope text NOT NULL,
        key text NOT NULL,
        fingerprint text NOT NULL,
        status integer NOT NULL,
        headers jsonb NOT NULL,
        body text,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (scope, key)
      );
      CREATE INDEX idempotency_key_expires_at ON idempotency_key (expires_at);

      -- A separate statement reads the answer: its snapshot is newer than the lock, so it sees what the last holder of
      -- the lock stored.
      CREATE FUNCTION claim_idempotency_key(in_scope text, in_key text)
      RETURNS TABLE (claimed boolean, fingerprint text, status integer, headers jsonb, body text)
      LANGUAGE plpgsql VOLATILE AS $$
        BEGIN
          IF NOT pg_try_advisory_xact_lock(hashtextextended(in_scope || ' ' || in_key, 0)) THEN
            RETURN QUERY SELECT false, NULL::text, NULL::integer, NULL::jsonb, NULL::text;
            RETURN;
          END IF;
          RETURN QUERY SELECT true, k.fingerprint, k.status, k.headers, k.body
            FROM (VALUES (true)) AS always LEFT JOIN idempotency_key k
              ON k.scope = in_scope AND k.key = in_key AND k.expires_at > now();
        END $$;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE idempotency_key, dead_letter, consumer_attempt, consumer_position, inbox, outbox_mark, outbox;
      DROP FUNCTION notify_outbox, claim_idempotency_key;
    `);
  }
}
