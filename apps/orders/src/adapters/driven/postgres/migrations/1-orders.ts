import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Orders1795737700000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE orders (
        id uuid PRIMARY KEY,
        customer_id text NOT NULL,
        status text NOT NULL CHECK (status IN ('placed', 'awaiting-payment', 'confirmed', 'cancelled')),
        reason text CHECK ((reason IS NOT NULL) = (status = 'cancelled')),
        total bigint NOT NULL CHECK (total >= 0),
        currency text NOT NULL,
        payment_token text NOT NULL,
        version integer NOT NULL,
        history jsonb NOT NULL,
        due_at timestamptz CHECK ((due_at IS NOT NULL) = (status IN ('placed', 'awaiting-payment')))
      );
      -- why: orders are listed by customer or by status, newest first.
      CREATE INDEX orders_customer ON orders (customer_id, id);
      CREATE INDEX orders_status ON orders (status, id);
      CREATE INDEX orders_due ON orders (due_at) WHERE due_at IS NOT NULL;

      CREATE TABLE order_line (
        order_id uuid NOT NULL REFERENCES orders,
        position integer NOT NULL,
        sku text NOT NULL,
        quantity integer NOT NULL CHECK (quantity > 0),
        unit_price bigint NOT NULL CHECK (unit_price >= 0),
        PRIMARY KEY (order_id, position),
        UNIQUE (order_id, sku)
      );

      CREATE TABLE price (
        sku text PRIMARY KEY,
        unit_price bigint NOT NULL CHECK (unit_price >= 0),
        currency text NOT NULL
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE price, order_line, orders');
  }
}
