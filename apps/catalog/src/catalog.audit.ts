import { type Check, Checking, type ContextAudit, type Database } from '@atlas/context';
import { FIGURES } from '@atlas/contracts';
import { AjvAttributeChecker } from './adapters/driven/ajv/ajv-attribute-checker';
import type { Attributes } from './domain/attributes';
import type { AttributesSchema } from './domain/attributes-schema';

export const audit: ContextAudit = {
  figures: {
    [FIGURES.unitPrice]: {
      sql: `SELECT sku || ' ' || (document->'price'->>'currency') AS key,
          (document->'price'->>'minorUnits')::bigint AS value
        FROM product WHERE document->>'status' = 'listed'`,
    },
  },
  check: async ({ database }) => ({ checks: [await auditProducts(database)] }),
};

interface ProductRow {
  readonly sku: string;
  readonly category: string;
  readonly attributes: Attributes;
  /** Undefined if there is no such category. */
  readonly schema: AttributesSchema | null;
}

const PAGE = 1_000;

/** No constraint of the database says this: a document refers to its category without a foreign key. */
async function auditProducts(database: Database): Promise<Check> {
  const checking = new Checking("every listed product's attributes satisfy its category's schema");
  const checker = new AjvAttributeChecker();
  for (let after = ''; ;) {
    const { rows } = await database.query<ProductRow>(
      `SELECT sku, document->>'category' AS category, document->'attributes' AS attributes, schema
       FROM product LEFT JOIN category ON name = document->>'category'
       WHERE sku > $1 AND document->>'status' = 'listed' ORDER BY sku LIMIT ${PAGE}`,
      [after],
    );
    const last = rows.at(-1);
    if (!last) return checking.result;
    after = last.sku;
    for (const { sku, category, attributes, schema } of rows) {
      const [flaw] = schema ? checker.flawsIn(attributes, schema) : [];
      const wrong = flaw && `its attribute "${flaw.path.join('.')}" is wrong: ${flaw.detail}`;
      checking.look(sku, schema ? wrong : `is in the category "${category}", which is not defined`);
    }
  }
}
