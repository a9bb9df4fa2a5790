import { err, ok, type Result } from '@atlas/kernel';
import type { Clock } from '@atlas/ports/application';
import type { Flaw } from '../../domain/attributes';
import { type Expectation, isMet } from '../../domain/expectation';
import { Product, type ProductDraft } from '../../domain/product';
import type { AttributeChecker, ProductRepository } from '../ports';

export interface PutProductCommand {
  readonly sku: string;
  readonly draft: ProductDraft;
  readonly expected: Expectation;
}

export type ProductRefusal =
  | { readonly type: 'unexpected'; readonly found: Product | undefined }
  | { readonly type: 'unknown-category' }
  | { readonly type: 'wrong-attributes'; readonly flaws: readonly Flaw[] };

/**
 * Lists a product, or revises it. Safe to repeat: a product that already is as the draft says stays as it is, whatever
 * was expected.
 */
export class PutProduct {
  constructor(
    private readonly products: ProductRepository,
    private readonly checker: AttributeChecker,
    private readonly clock: Clock,
  ) {}

  /** `isNew`: this call has created it. */
  async execute({
    sku,
    draft,
    expected,
  }: PutProductCommand): Promise<Result<{ product: Product; isNew: boolean }, ProductRefusal>> {
    let isNew = false;
    const put = await this.products.put<ProductRefusal>(sku, draft.category, (product, category) => {
      isNew = product === undefined;
      if (product?.is(draft)) return ok({ next: product, events: [] });
      if (!isMet(expected, product)) return err({ type: 'unexpected', found: product });
      if (!category) return err({ type: 'unknown-category' });
      const flaws = this.checker.flawsIn(draft.attributes, category.schema);
      if (flaws.length > 0) return err({ type: 'wrong-attributes', flaws });
      const at = this.clock.now();
      return ok(product ? product.revise(draft, at) : Product.list(sku, draft, at));
    });
    return put.ok ? ok({ product: put.value, isNew }) : put;
  }
}
