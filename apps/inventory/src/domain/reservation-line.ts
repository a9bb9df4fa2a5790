/** The maximum quantity of a line, units. */
export const MAX_QUANTITY = 10_000;

/** A quantity of one SKU that an order needs. */
export class ReservationLine {
  /** @throws RangeError if `quantity` is not an integer from 1 to {@link MAX_QUANTITY}. */
  constructor(
    readonly sku: string,
    readonly quantity: number,
  ) {
    if (!Number.isInteger(quantity) || quantity < 1 || quantity > MAX_QUANTITY) {
      throw new RangeError(`A quantity must be a whole number from 1 to ${MAX_QUANTITY}, not ${quantity}`);
    }
  }
}
