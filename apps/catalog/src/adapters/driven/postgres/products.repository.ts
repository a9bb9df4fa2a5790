import { AggregateStore, type PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { err, ok, type Result } from '@atlas/kernel';
import type { Outbox } from '@atlas/ports/adapters';
import { type FoundProduct, type ProductFilter, ProductRepository } from '../../../application/ports';
import type { Category } from '../../../domain/category';
import type { Product, ProductChange } from '../../../domain/product';
import type { ProductEvent } from '../../../domain/product-events';
import { CategoryEntity, categoryMapping } from './category.mapping';
import { productMapping, type ProductRow } from './product.mapping';

export class PostgresProductRepository extends ProductRepository {
  private readonly products: AggregateStore<Product, ProductEvent, ProductRow>;

  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    outbox: Outbox,
  ) {
    super();
    this.products = new AggregateStore(unitOfWork, outbox, productMapping);
  }

  put<Refusal>(
    sku: string,
    category: string,
    change: (product: Product | undefined, category: Category | undefined) => Result<ProductChange, Refusal>,
  ): Promise<Result<Product, Refusal>> {
    return this.unitOfWork.run(async () => {
      // A row that isn't there yet can't be locked.
      await this.unitOfWork.takeTurn(`product ${sku}`);
      const row = await this.unitOfWork.manager.findOne(CategoryEntity, {
        where: { name: category },
        lock: { mode: 'pessimistic_read' },
      });
      const [product] = await this.products.lock([sku]);
      return this.save(change(product, row ? categoryMapping.fromRow(row) : undefined));
    });
  }

  update<Refusal>(
    sku: string,
    change: (product: Product) => Result<ProductChange, Refusal>,
  ): Promise<Result<Product, Refusal> | undefined> {
    return this.unitOfWork.run(async () => {
      const [product] = await this.products.lock([sku]);
      return product && this.save(change(product));
    });
  }

  get(sku: string): Promise<Product | undefined> {
    return this.products.get(sku);
  }

  async search(filter: ProductFilter): Promise<Result<readonly FoundProduct[], 'no-words'>> {
    const { words } = filter;
    const { sql, parameters } = statementFor(filter);
    const rows = await this.unitOfWork.manager.query<(ProductRow & { rank?: number })[]>(sql, parameters);
    if (rows.length === 0 && words !== undefined && !(await this.isQuery(words))) return err('no-words');
    return ok(
      rows.map(({ rank, ...row }) => ({
        product: productMapping.fromRow(row),
        place: { sku: row.sku, rank },
      })),
    );
  }

  private async save<Refusal>(changed: Result<ProductChange, Refusal>): Promise<Result<Product, Refusal>> {
    if (!changed.ok) return changed;
    await this.products.save(changed.value);
    return ok(changed.value.next);
  }

  /** Whether anything is left to look for once operators and words such as "the" are gone. */
  private async isQuery(words: string): Promise<boolean> {
    const [row] = await this.unitOfWork.manager.query<{ nodes: number }[]>(
      `SELECT numnode(websearch_to_tsquery('english', $1)) AS nodes`,
      [words],
    );
    return (row?.nodes ?? 0) > 0;
  }
}

function statementFor({ status, category, attributes, words, limit, after }: ProductFilter) {
  const parameters: unknown[] = [];
  const given = (value: unknown) => `$${parameters.push(value)}`;
  const conditions = ['true'];
  if (status !== undefined) conditions.push(`document->>'status' = ${given(status)}`);
  if (category !== undefined) conditions.push(`document->>'category' = ${given(category)}`);
  for (const anyOf of attributes) {
    // Not "@> ANY (…)", for which PostgreSQL can't use a GIN index.
    const alternatives = anyOf.map(
      (part) => `document->'attributes' @> ${given(JSON.stringify(part))}::jsonb`,
    );
    conditions.push(`(${alternatives.join(' OR ')})`);
  }
  if (words === undefined) {
    if (after) conditions.push(`sku > ${given(after.sku)}`);
    return {
      sql: `SELECT sku, version, document FROM product WHERE ${conditions.join(' AND ')}
        ORDER BY sku LIMIT ${given(limit)}`,
      parameters,
    };
  }
  const query = `websearch_to_tsquery('english', ${given(words)})`;
  const place = after && [given(after.rank), given(after.sku)];
  return {
    // The rank is a float4, which a float8 holds exactly, so that a page begins where the last one ended.
    sql: `SELECT * FROM (
        SELECT sku, version, document, ts_rank(words, ${query})::float8 AS rank FROM product
        WHERE words @@ ${query} AND ${conditions.join(' AND ')}
      ) AS found
      ${place ? `WHERE rank < ${place[0]}::float8 OR rank = ${place[0]}::float8 AND sku > ${place[1]}` : ''}
      ORDER BY rank DESC, sku LIMIT ${given(limit)}`,
    parameters,
  };
}
