import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Catalog1795821439854 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE category (
        name text COLLATE "C" PRIMARY KEY,
        title text NOT NULL,
        schema jsonb NOT NULL,
        version integer NOT NULL,
        changed_at timestamptz NOT NULL
      );

      -- why: one document for each product, because attributes differ by category, and a product is read and written as a
      -- whole. The database checks only what it needs to find products; the rest is checked by the category's schema (ADR 28).
      CREATE TABLE product (
        sku text COLLATE "C" PRIMARY KEY,
        version integer NOT NULL,
        document jsonb NOT NULL CHECK (document->>'status' IN ('listed', 'retired')),
        words tsvector NOT NULL GENERATED ALWAYS AS (
          setweight(to_tsvector('english', document->>'name'), 'A')
          || setweight(to_tsvector('english', document->>'description'), 'B')
          || setweight(jsonb_to_tsvector('english', document->'attributes', '["string"]'), 'C')
        ) STORED
      );
      CREATE INDEX product_category ON product ((document->>'category'), sku);
      CREATE INDEX product_attributes ON product USING gin ((document->'attributes') jsonb_path_ops);
      CREATE INDEX product_words ON product USING gin (words);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE product, category');
  }
}
