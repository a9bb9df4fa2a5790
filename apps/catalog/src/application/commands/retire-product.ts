import { err, ok, type Result } from '@atlas/kernel';
import type { Clock } from '@atlas/ports/application';
import { type Expectation, isMet } from '../../domain/expectation';
import type { Product } from '../../domain/product';
import type { ProductRepository } from '../ports';

/** Takes a product out of sale; orders that have it keep it. Safe to repeat. */
export class RetireProduct {
  constructor(
    private readonly products: ProductRepository,
    private readonly clock: Clock,
  ) {}

  /** @returns the product; as an error, one that is not as expected; undefined if there is none. */
  execute(sku: string, expected: Expectation): Promise<Result<Product, Product> | undefined> {
    return this.products.update<Product>(sku, (product) => {
      const change = product.retire(this.clock.now());
      return change.next === product || isMet(expected, product) ? ok(change) : err(product);
    });
  }
}
