import { AggregateStore, type PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { ok, type Result } from '@atlas/kernel';
import type { Outbox } from '@atlas/ports/adapters';
import { MoreThan } from 'typeorm';
import { CategoryRepository } from '../../../application/ports';
import type { Category, CategoryChange, CategoryDefined } from '../../../domain/category';
import type { Product } from '../../../domain/product';
import { CategoryEntity, categoryMapping, type CategoryRow } from './category.mapping';
import { productMapping, type ProductRow } from './product.mapping';

const PAGE = 500;

export class PostgresCategoryRepository extends CategoryRepository {
  private readonly categories: AggregateStore<Category, CategoryDefined, CategoryRow>;

  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    outbox: Outbox,
  ) {
    super();
    this.categories = new AggregateStore(unitOfWork, outbox, categoryMapping);
  }

  put<Refusal>(
    name: string,
    change: (
      category: Category | undefined,
      products: AsyncIterable<readonly Product[]>,
    ) => Promise<Result<CategoryChange, Refusal>>,
  ): Promise<Result<Category, Refusal>> {
    return this.unitOfWork.run(async () => {
      // A row that isn't there yet can't be locked.
      await this.unitOfWork.takeTurn(`category ${name}`);
      const [category] = await this.categories.lock([name]);
      const changed = await change(category, this.productsOf(name));
      if (!changed.ok) return changed;
      await this.categories.save(changed.value);
      return ok(changed.value.next);
    });
  }

  get(name: string): Promise<Category | undefined> {
    return this.categories.get(name);
  }

  async list(limit: number, after?: string): Promise<readonly Category[]> {
    const rows = await this.unitOfWork.manager.find(CategoryEntity, {
      where: after === undefined ? {} : { name: MoreThan(after) },
      order: { name: 'ASC' },
      take: limit,
    });
    return rows.map((row) => categoryMapping.fromRow(row));
  }

  /** The listed ones, by SKU. Whoever puts one locks the category as shared, so none changes while it is locked here. */
  private async *productsOf(name: string): AsyncIterable<readonly Product[]> {
    for (let after = ''; ;) {
      const rows = await this.unitOfWork.manager.query<ProductRow[]>(
        `SELECT sku, version, document FROM product
         WHERE document->>'category' = $1 AND sku > $2 AND document->>'status' = 'listed' ORDER BY sku LIMIT ${PAGE}`,
        [name, after],
      );
      yield rows.map((row) => productMapping.fromRow(row));
      if (rows.length < PAGE) return;
      after = rows.at(-1)?.sku ?? '';
    }
  }
}
