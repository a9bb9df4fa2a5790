import type { Result } from '@atlas/kernel';
import type { AttributeFilter } from '../domain/attribute-filter';
import type { Attributes, Flaw } from '../domain/attributes';
import type { AttributesSchema } from '../domain/attributes-schema';
import type { Category, CategoryChange } from '../domain/category';
import type { Product, ProductChange, ProductStatus } from '../domain/product';

/** Where a product stands in a list of results. */
export interface Place {
  readonly sku: string;
  /** How well it matches the words of a search; undefined without any. */
  readonly rank?: number | undefined;
}

export interface ProductFilter {
  readonly status?: ProductStatus | undefined;
  readonly category?: string | undefined;
  /** All of them must match. */
  readonly attributes: readonly AttributeFilter[];
  /** Words to look for in names, descriptions and attributes, the most relevant first; "quoted", -excluded, or `or`. */
  readonly words?: string | undefined;
  /** The maximum number of products to return. */
  readonly limit: number;
  /** The place of the last product of the previous page. */
  readonly after?: Place | undefined;
}

export interface FoundProduct {
  readonly product: Product;
  readonly place: Place;
}

/** The collection of products. A change and its events are saved atomically. */
export abstract class ProductRepository {
  /**
   * Locks the product, keeps the category from changing meanwhile, and saves the result of `change`; both are undefined
   * if they don't exist. Saves nothing if the change is refused.
   * @returns the product as it is now, or why the change is refused.
   */
  abstract put<Refusal>(
    sku: string,
    category: string,
    change: (product: Product | undefined, category: Category | undefined) => Result<ProductChange, Refusal>,
  ): Promise<Result<Product, Refusal>>;

  /** The same for a product whose category doesn't matter. @returns undefined if there is none with this SKU. */
  abstract update<Refusal>(
    sku: string,
    change: (product: Product) => Result<ProductChange, Refusal>,
  ): Promise<Result<Product, Refusal> | undefined>;

  abstract get(sku: string): Promise<Product | undefined>;

  /** By relevance if there are words to look for, otherwise by SKU. @returns an error if the words are none. */
  abstract search(filter: ProductFilter): Promise<Result<readonly FoundProduct[], 'no-words'>>;
}

/** The collection of categories. */
export abstract class CategoryRepository {
  /**
   * Locks the category and keeps its products from changing meanwhile, and saves the result of `change`; the category is
   * undefined if it doesn't exist. Saves nothing if the change is refused.
   * @param change is handed the listed products of the category, page by page.
   * @returns the category as it is now, or why the change is refused.
   */
  abstract put<Refusal>(
    name: string,
    change: (
      category: Category | undefined,
      products: AsyncIterable<readonly Product[]>,
    ) => Promise<Result<CategoryChange, Refusal>>,
  ): Promise<Result<Category, Refusal>>;

  abstract get(name: string): Promise<Category | undefined>;

  /** By name, starting after `after`. */
  abstract list(limit: number, after?: string): Promise<readonly Category[]>;
}

/** Checks attributes against JSON Schemas, in time that grows only with their length. */
export abstract class AttributeChecker {
  /** What makes a schema useless, such as a pattern that is no regular expression. Empty if nothing does. */
  abstract flawsOf(schema: AttributesSchema): readonly Flaw[];

  /** What is wrong with attributes; empty if they satisfy the schema. @throws Error if the schema has flaws. */
  abstract flawsIn(attributes: Attributes, schema: AttributesSchema): readonly Flaw[];
}
