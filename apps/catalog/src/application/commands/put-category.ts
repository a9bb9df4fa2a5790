import { err, ok, type Result } from '@atlas/kernel';
import type { Clock } from '@atlas/ports/application';
import type { Flaw } from '../../domain/attributes';
import { Category, type CategoryDraft } from '../../domain/category';
import { type Expectation, isMet } from '../../domain/expectation';
import type { AttributeChecker, CategoryRepository } from '../ports';

export interface PutCategoryCommand {
  readonly name: string;
  readonly draft: CategoryDraft;
  readonly expected: Expectation;
}

/** A product that a new schema would not allow. */
export interface Misfit {
  readonly sku: string;
  readonly flaws: readonly Flaw[];
}

export type CategoryRefusal =
  | { readonly type: 'unexpected'; readonly found: Category | undefined }
  | { readonly type: 'wrong-schema'; readonly flaws: readonly Flaw[] }
  | { readonly type: 'misfits'; readonly first: readonly Misfit[] };

const MISFITS_NAMED = 10;

/**
 * Defines a category, or changes it. All its listed products must satisfy the new schema, so that every reader may rely
 * on the current one. Safe to repeat, as for products.
 */
export class PutCategory {
  constructor(
    private readonly categories: CategoryRepository,
    private readonly checker: AttributeChecker,
    private readonly clock: Clock,
  ) {}

  /** `isNew`: this call has created it. */
  async execute({
    name,
    draft,
    expected,
  }: PutCategoryCommand): Promise<Result<{ category: Category; isNew: boolean }, CategoryRefusal>> {
    const flaws = this.checker.flawsOf(draft.schema);
    if (flaws.length > 0) return err({ type: 'wrong-schema', flaws });
    let isNew = false;
    const put = await this.categories.put<CategoryRefusal>(name, async (category, products) => {
      isNew = category === undefined;
      if (category?.is(draft)) return ok({ next: category, events: [] });
      if (!isMet(expected, category)) return err({ type: 'unexpected', found: category });
      const at = this.clock.now();
      if (!category) return ok(Category.define(name, draft, at));
      const first: Misfit[] = [];
      for await (const page of products) {
        for (const { id: sku, attributes } of page) {
          const wrong = this.checker.flawsIn(attributes, draft.schema);
          if (wrong.length > 0) first.push({ sku, flaws: wrong });
          if (first.length === MISFITS_NAMED) return err({ type: 'misfits', first });
        }
      }
      return first.length > 0 ? err({ type: 'misfits', first }) : ok(category.redefine(draft, at));
    });
    return put.ok ? ok({ category: put.value, isNew }) : put;
  }
}
