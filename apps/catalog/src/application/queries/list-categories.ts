import type { Category } from '../../domain/category';
import type { CategoryRepository } from '../ports';

export interface ListCategoriesQuery {
  readonly limit: number;
  /** The name of the last category of the previous page. */
  readonly after?: string | undefined;
}

/** By name. */
export class ListCategories {
  constructor(private readonly categories: CategoryRepository) {}

  execute({ limit, after }: ListCategoriesQuery): Promise<readonly Category[]> {
    return this.categories.list(limit, after);
  }
}
