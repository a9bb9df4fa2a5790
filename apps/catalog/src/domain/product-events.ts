import type { Money } from '@atlas/kernel';

/** What can happen to a product. */
export type ProductEvent =
  | {
      /** It is for sale: for the first time, or again. */
      readonly type: 'product-listed';
      readonly name: string;
      readonly category: string;
      readonly price: Money;
    }
  | { readonly type: 'product-revised'; readonly name: string; readonly category: string }
  | { readonly type: 'price-changed'; readonly price: Money; readonly was: Money }
  | { readonly type: 'product-retired' };
