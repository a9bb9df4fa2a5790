import type { Product } from '../../domain/product';
import type { ProductRepository } from '../ports';

export class GetProduct {
  constructor(private readonly products: ProductRepository) {}

  execute(sku: string): Promise<Product | undefined> {
    return this.products.get(sku);
  }
}
