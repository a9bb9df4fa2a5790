import { assertQuantity } from '@atlas/kernel';

/** Some units of one SKU that an order needs. */
export class ReservationLine {
  /** @throws RangeError if the quantity is none. */
  constructor(
    readonly sku: string,
    readonly quantity: number,
  ) {
    assertQuantity(quantity);
  }
}
