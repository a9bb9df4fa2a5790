import type { Money } from '@atlas/kernel';

/** What one unit of a SKU costs in this shop, as orders sees it. */
export interface Price {
  readonly sku: string;
  readonly name: string;
  readonly unitPrice: Money;
}
