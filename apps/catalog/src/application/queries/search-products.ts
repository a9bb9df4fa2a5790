import { err, ok, type Result } from '@atlas/kernel';
import {
  type AttributeFilter,
  filterFor,
  filterWithin,
  type WantedAttribute,
} from '../../domain/attribute-filter';
import type { CategoryRepository, FoundProduct, ProductFilter, ProductRepository } from '../ports';

export interface SearchProductsQuery extends Omit<ProductFilter, 'attributes'> {
  /** All of them must match. */
  readonly attributes: readonly WantedAttribute[];
}

export type SearchRefusal =
  | { readonly type: 'unknown-category' }
  | { readonly type: 'no-words' }
  /** No product of the category can have the attribute at this index; `detail` says why. */
  | { readonly type: 'wrong-attribute'; readonly index: number; readonly detail: string };

/** By relevance if there are words to look for, otherwise by SKU. */
export class SearchProducts {
  constructor(
    private readonly products: ProductRepository,
    private readonly categories: CategoryRepository,
  ) {}

  async execute(query: SearchProductsQuery): Promise<Result<readonly FoundProduct[], SearchRefusal>> {
    const filters = await this.filtersOf(query);
    if (!filters.ok) return filters;
    const found = await this.products.search({ ...query, attributes: filters.value });
    return found.ok ? found : err({ type: found.error });
  }

  private async filtersOf({
    category: name,
    attributes,
  }: SearchProductsQuery): Promise<Result<readonly AttributeFilter[], SearchRefusal>> {
    if (name === undefined) return ok(attributes.map(filterFor));
    const category = await this.categories.get(name);
    if (!category) return err({ type: 'unknown-category' });
    const filters: AttributeFilter[] = [];
    for (const [index, wanted] of attributes.entries()) {
      const filter = filterWithin(category.schema, wanted);
      if (typeof filter === 'string') return err({ type: 'wrong-attribute', index, detail: filter });
      filters.push(filter);
    }
    return ok(filters);
  }
}
