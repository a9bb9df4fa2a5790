import fc from 'fast-check';
import { Money } from './money';

describe('Money', () => {
  it('adds and multiplies in whole minor units', () => {
    expect(Money.of(119).times(3).plus(Money.of(1))).toEqual(Money.of(358));
    expect(String(Money.of(358))).toBe('3.58 EUR');
  });

  it('refuses fractions, unsafe amounts, invalid currencies and mixed currencies', () => {
    expect(() => Money.of(0.1)).toThrow('whole number of minor units');
    expect(() => Money.of(Number.MAX_SAFE_INTEGER).times(2)).toThrow('whole number of minor units');
    for (const currency of ['euro', 'EURO', 'aEUR', 'EUR ', 'eur', '']) {
      expect(() => Money.of(1, currency)).toThrow('ISO 4217');
    }
    expect(() => Money.of(1).plus(Money.of(1, 'USD'))).toThrow("Can't add USD to EUR");
  });

  it('equals the same amount of the same currency only', () => {
    expect(Money.of(100).equals(Money.of(100, 'EUR'))).toBe(true);
    expect(Money.of(100).equals(Money.of(101))).toBe(false);
    expect(Money.of(100).equals(Money.of(100, 'USD'))).toBe(false);
  });

  it('is plain data in JSON', () => {
    expect(JSON.parse(JSON.stringify(Money.of(-487, 'USD')))).toEqual({ minorUnits: -487, currency: 'USD' });
  });

  it('adds to the same sum in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1e9, max: 1e9 })), (amounts) => {
        const sum = (list: number[]) =>
          list.reduce((total, amount) => total.plus(Money.of(amount)), Money.of(0));
        expect(sum(amounts).equals(sum([...amounts].reverse()))).toBe(true);
      }),
    );
  });
});
