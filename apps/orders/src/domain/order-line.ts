import type { Money } from '@atlas/kernel';

/** The maximum quantity of a line, units. */
export const MAX_QUANTITY = 10_000;

/** A quantity of one SKU, at its price when the order was placed. */
export class OrderLine {
  /** @throws RangeError if `quantity` is not an integer from 1 to {@link MAX_QUANTITY}. */
  constructor(
    readonly sku: string,
    readonly quantity: number,
    readonly unitPrice: Money,
  ) {
    if (!Number.isInteger(quantity) || quantity < 1 || quantity > MAX_QUANTITY) {
      throw new RangeError(`A quantity must be a whole number from 1 to ${MAX_QUANTITY}, not ${quantity}`);
    }
  }

  get total(): Money {
    return this.unitPrice.times(this.quantity);
  }
}
