export interface StockLevels {
  /** Units that ever came in, less what was counted as gone: what all the others add up to. */
  readonly received: number;
  /** Units that nobody has a claim on. */
  readonly onHand: number;
  /** Units held for orders that are not settled yet. */
  readonly reserved: number;
  /** Units that left with a confirmed order. */
  readonly sold: number;
}

const NOTHING: StockLevels = { received: 0, onHand: 0, reserved: 0, sold: 0 };

/** The units of one SKU. They move between on hand, reserved and sold, and none of the three is ever negative. */
export class StockItem {
  /** @throws RangeError if a level is negative or no whole number, or if they don't add up. */
  constructor(
    readonly sku: string,
    readonly levels: StockLevels = NOTHING,
  ) {
    const { received, onHand, reserved, sold } = levels;
    if (![received, onHand, reserved, sold].every((level) => Number.isSafeInteger(level) && level >= 0)) {
      throw new RangeError(`The levels of ${sku} must be whole numbers from 0: ${JSON.stringify(levels)}`);
    }
    if (received !== onHand + reserved + sold) {
      throw new RangeError(`The levels of ${sku} don't add up: ${JSON.stringify(levels)}`);
    }
  }

  /** On hand → reserved. @throws RangeError if there are fewer on hand. */
  reserve(quantity: number): StockItem {
    return this.move('onHand', 'reserved', quantity);
  }

  /** Reserved → sold. */
  commit(quantity: number): StockItem {
    return this.move('reserved', 'sold', quantity);
  }

  /** Reserved → on hand. */
  release(quantity: number): StockItem {
    return this.move('reserved', 'onHand', quantity);
  }

  /** Sold → on hand. */
  restock(quantity: number): StockItem {
    return this.move('sold', 'onHand', quantity);
  }

  /** So many were counted on hand; the difference came in, or is gone. */
  setOnHand(onHand: number): StockItem {
    const difference = onHand - this.levels.onHand;
    return new StockItem(this.sku, { ...this.levels, onHand, received: this.levels.received + difference });
  }

  private move(from: 'onHand' | 'reserved' | 'sold', to: typeof from, quantity: number): StockItem {
    const { [from]: source, [to]: target } = this.levels;
    return new StockItem(this.sku, { ...this.levels, [from]: source - quantity, [to]: target + quantity });
  }
}
