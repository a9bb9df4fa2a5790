import { err, ok, type Result } from '@atlas/kernel';
import type { Outbox } from '@atlas/ports/adapters';
import { MemoryAggregateStore, type MemoryUnitOfWork } from '@atlas/testing';
import { type FoundProduct, type ProductFilter, ProductRepository } from '../../../application/ports';
import { contains } from '../../../domain/attributes';
import type { Category } from '../../../domain/category';
import type { Product, ProductChange } from '../../../domain/product';
import type { ProductEvent } from '../../../domain/product-events';
import { published } from '../events/published-events';
import type { MemoryCategoryRepository } from './categories.repository';
import { rankOf, termsOf } from './words';

export class MemoryProductRepository extends ProductRepository {
  private readonly products: MemoryAggregateStore<Product, ProductEvent>;

  constructor(
    private readonly unitOfWork: MemoryUnitOfWork,
    private readonly categories: MemoryCategoryRepository,
    outbox: Outbox,
  ) {
    super();
    this.products = new MemoryAggregateStore(unitOfWork, outbox, { name: 'product', published });
    categories.products = this;
  }

  put<Refusal>(
    sku: string,
    category: string,
    change: (product: Product | undefined, category: Category | undefined) => Result<ProductChange, Refusal>,
  ): Promise<Result<Product, Refusal>> {
    return this.unitOfWork.run(async () => {
      const [product] = await this.products.lock([sku]);
      return this.save(change(product, await this.categories.lock(category)));
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
    const { status, category, attributes, words, limit, after } = filter;
    const terms = words === undefined ? undefined : termsOf(words);
    if (terms?.length === 0) return err('no-words');
    const found = (await this.products.list())
      .filter((product) => {
        const state = product.snapshot();
        return (
          (status === undefined || state.status === status) &&
          (category === undefined || state.category === category) &&
          attributes.every((anyOf) => anyOf.some((part) => contains(state.attributes, part)))
        );
      })
      .map((product) => ({
        product,
        place: { sku: product.id, rank: terms && rankOf(product.snapshot(), terms) },
      }))
      .filter(({ place }) => !terms || place.rank !== undefined)
      .sort((a, b) => (b.place.rank ?? 0) - (a.place.rank ?? 0) || (a.place.sku < b.place.sku ? -1 : 1));
    const begin = after
      ? found.findIndex(({ place: { rank = 0, sku } }) => {
          const last = after.rank ?? 0;
          return rank < last || (rank === last && sku > after.sku);
        })
      : 0;
    return ok(begin < 0 ? [] : found.slice(begin, begin + limit));
  }

  private async save<Refusal>(changed: Result<ProductChange, Refusal>): Promise<Result<Product, Refusal>> {
    if (!changed.ok) return changed;
    await this.products.save(changed.value);
    return ok(changed.value.next);
  }
}
