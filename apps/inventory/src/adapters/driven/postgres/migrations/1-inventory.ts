import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Inventory1795737700000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- why: half of each page stays free, so that new versions of a hot row fit on its page and need no index entry.
      CREATE TABLE stock (
        sku text COLLATE "C" PRIMARY KEY,
        received bigint NOT NULL DEFAULT 0 CHECK (received >= 0),
        available bigint NOT NULL DEFAULT 0 CHECK (available >= 0),
        reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
        sold bigint NOT NULL DEFAULT 0 CHECK (sold >= 0),
        CONSTRAINT stock_adds_up CHECK (received = available + reserved + sold)
      ) WITH (fillfactor = 50);

      -- What was added (or, if negative, removed) when stock was set. Reservations keep their own lines.
      CREATE TABLE stock_movement (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        sku text COLLATE "C" NOT NULL REFERENCES stock,
        quantity bigint NOT NULL CHECK (quantity <> 0),
        at timestamptz NOT NULL DEFAULT now()
      );

      CREATE TABLE reservation (
        id uuid PRIMARY KEY,
        status text NOT NULL CHECK (status IN ('reserved', 'committed', 'released', 'expired', 'rejected')),
        shortages jsonb NOT NULL CHECK ((shortages <> '[]') = (status = 'rejected')),
        version integer NOT NULL,
        requested_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL,
        due_at timestamptz CHECK ((due_at IS NOT NULL) = (status = 'reserved'))
      );
      CREATE INDEX reservation_due ON reservation (due_at) WHERE due_at IS NOT NULL;

      -- why: no reference to stock, because a rejected reservation may ask for a SKU that was never stocked.
      CREATE TABLE reservation_line (
        reservation_id uuid NOT NULL REFERENCES reservation,
        position integer NOT NULL,
        sku text COLLATE "C" NOT NULL,
        quantity integer NOT NULL CHECK (quantity > 0),
        PRIMARY KEY (reservation_id, position)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE reservation_line, reservation, stock_movement, stock');
  }
}
