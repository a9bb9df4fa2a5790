import type { Money } from '@atlas/kernel';

/** The unit price of a SKU, from the orders context's point of view. */
export interface Price {
  readonly sku: string;
  readonly unitPrice: Money;
}
