export interface StockLevels {
  /** Units ever received, less those counted as missing; the other levels add up to it. */
  readonly received: number;
  /** Units that can be reserved. */
  readonly available: number;
  /** Units reserved for orders that are not settled yet. */
  readonly reserved: number;
  /** Units of confirmed orders. */
  readonly sold: number;
}

const NOTHING: StockLevels = { received: 0, available: 0, reserved: 0, sold: 0 };

/** The units of one SKU. They move between available, reserved and sold, and none of the three is ever negative. */
export class StockItem {
  /** @throws RangeError if a level is negative or not an integer, or if they don't add up. */
  constructor(
    readonly sku: string,
    readonly levels: StockLevels = NOTHING,
  ) {
    const { received, available, reserved, sold } = levels;
    if (![received, available, reserved, sold].every((level) => Number.isSafeInteger(level) && level >= 0)) {
      throw new RangeError(`The levels of ${sku} must be whole numbers from 0: ${JSON.stringify(levels)}`);
    }
    if (received !== available + reserved + sold) {
      throw new RangeError(`The levels of ${sku} don't add up: ${JSON.stringify(levels)}`);
    }
  }

  /** Each SKU has one stock item. */
  get id(): string {
    return this.sku;
  }

  /** Available → reserved. @throws RangeError if there are fewer available. */
  reserve(quantity: number): StockItem {
    return this.move('available', 'reserved', quantity);
  }

  /** Reserved → sold. */
  commit(quantity: number): StockItem {
    return this.move('reserved', 'sold', quantity);
  }

  /** Reserved → available. */
  release(quantity: number): StockItem {
    return this.move('reserved', 'available', quantity);
  }

  /** Sold → available. */
  restock(quantity: number): StockItem {
    return this.move('sold', 'available', quantity);
  }

  /** Sets the available units; the difference counts as received or missing. */
  setAvailable(available: number): StockItem {
    const difference = available - this.levels.available;
    return new StockItem(this.sku, {
      ...this.levels,
      available,
      received: this.levels.received + difference,
    });
  }

  private move(from: 'available' | 'reserved' | 'sold', to: typeof from, quantity: number): StockItem {
    const { [from]: source, [to]: target } = this.levels;
    return new StockItem(this.sku, { ...this.levels, [from]: source - quantity, [to]: target + quantity });
  }
}
