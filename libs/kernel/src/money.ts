/**
 * An amount in the minor unit of its currency (cents for EUR), as ISO 4217 defines it.
 * Integers only: binary fractions can't hold 0.10. Immutable.
 */
export class Money {
  private constructor(
    readonly minorUnits: number,
    readonly currency: string,
  ) {}

  /** @throws RangeError if `minorUnits` is not a safe integer or `currency` is not a three-letter code. */
  static of(minorUnits: number, currency = 'EUR'): Money {
    if (!Number.isSafeInteger(minorUnits)) {
      throw new RangeError(`An amount must be a whole number of minor units, not ${minorUnits}`);
    }
    if (!/^[A-Z]{3}$/.test(currency)) {
      throw new RangeError(`A currency must be an ISO 4217 code such as EUR, not "${currency}"`);
    }
    return new Money(minorUnits, currency);
  }

  plus(other: Money): Money {
    if (other.currency !== this.currency) {
      throw new RangeError(`Can't add ${other.currency} to ${this.currency}`);
    }
    return Money.of(this.minorUnits + other.minorUnits, this.currency);
  }

  /** @throws RangeError if the product is not a safe integer. */
  times(quantity: number): Money {
    return Money.of(this.minorUnits * quantity, this.currency);
  }

  equals(other: Money): boolean {
    return this.minorUnits === other.minorUnits && this.currency === other.currency;
  }

  /** As plain data, for events and responses. */
  toJSON(): { readonly minorUnits: number; readonly currency: string } {
    return { minorUnits: this.minorUnits, currency: this.currency };
  }

  toString(): string {
    return `${(this.minorUnits / 100).toFixed(2)} ${this.currency}`;
  }
}
