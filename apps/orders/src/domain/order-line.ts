import { assertQuantity, type Money } from '@atlas/kernel';

/** Some units of one SKU at the price that held when the order was placed. */
export class OrderLine {
  /** @throws RangeError if the quantity is none. */
  constructor(
    readonly sku: string,
    readonly quantity: number,
    readonly unitPrice: Money,
  ) {
    assertQuantity(quantity);
  }

  get total(): Money {
    return this.unitPrice.times(this.quantity);
  }
}
