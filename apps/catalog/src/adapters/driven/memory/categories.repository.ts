import { ok, type Result } from '@atlas/kernel';
import type { Outbox } from '@atlas/ports/adapters';
import { MemoryAggregateStore, type MemoryUnitOfWork } from '@atlas/testing';
import { CategoryRepository } from '../../../application/ports';
import type { Category, CategoryChange, CategoryDefined } from '../../../domain/category';
import type { Product } from '../../../domain/product';
import type { MemoryProductRepository } from './products.repository';

export class MemoryCategoryRepository extends CategoryRepository {
  private readonly categories: MemoryAggregateStore<Category, CategoryDefined>;

  constructor(
    private readonly unitOfWork: MemoryUnitOfWork,
    outbox: Outbox,
  ) {
    super();
    this.categories = new MemoryAggregateStore(unitOfWork, outbox, { name: 'category' });
  }

  /** Set by the products, which need the categories, too. */
  products: MemoryProductRepository | undefined;

  /** Locks the category until the open unit of work ends. */
  async lock(name: string): Promise<Category | undefined> {
    return (await this.categories.lock([name]))[0];
  }

  put<Refusal>(
    name: string,
    change: (
      category: Category | undefined,
      products: AsyncIterable<readonly Product[]>,
    ) => Promise<Result<CategoryChange, Refusal>>,
  ): Promise<Result<Category, Refusal>> {
    return this.unitOfWork.run(async () => {
      const changed = await change(await this.lock(name), this.productsOf(name));
      if (!changed.ok) return changed;
      await this.categories.save(changed.value);
      return ok(changed.value.next);
    });
  }

  get(name: string): Promise<Category | undefined> {
    return this.categories.get(name);
  }

  async list(limit: number, after = ''): Promise<readonly Category[]> {
    return (await this.categories.list())
      .filter(({ id }) => id > after)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit);
  }

  private async *productsOf(category: string): AsyncIterable<readonly Product[]> {
    const found = await this.products?.search({
      status: 'listed',
      category,
      attributes: [],
      limit: Infinity,
    });
    if (found?.ok) yield found.value.map(({ product }) => product);
  }
}
