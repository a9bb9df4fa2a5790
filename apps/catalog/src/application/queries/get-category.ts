import type { Category } from '../../domain/category';
import type { CategoryRepository } from '../ports';

export class GetCategory {
  constructor(private readonly categories: CategoryRepository) {}

  execute(name: string): Promise<Category | undefined> {
    return this.categories.get(name);
  }
}
