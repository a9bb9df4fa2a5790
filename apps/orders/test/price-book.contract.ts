import { Money } from '@atlas/kernel';
import type { UnitOfWork } from '@atlas/ports/adapters';
import type { PriceBook } from '../src/application/ports';

/** An adapter of {@link PriceBook}. */
export interface PriceBookUnderTest {
  readonly prices: PriceBook;
  readonly unitOfWork: UnitOfWork;
  stop(): Promise<void>;
}

export function priceBookContract(name: string, start: () => Promise<PriceBookUnderTest>): void {
  describe(`The price book, ${name}`, () => {
    let context: PriceBookUnderTest;
    let prices: PriceBook;

    beforeAll(async () => {
      context = await start();
      ({ prices } = context);
      await prices.set([price('tea', 300), price('milk', 119), price('bread', 249)]);
    });
    afterAll(() => context?.stop());

    const price = (sku: string, minorUnits: number) => ({
      sku,
      unitPrice: Money.of(minorUnits),
    });

    it('returns the prices that were set, and no others', async () => {
      const known = await prices.pricesOf(['milk', 'unicorn', 'tea']);
      expect(known).toEqual(
        new Map([
          ['milk', Money.of(119)],
          ['tea', Money.of(300)],
        ]),
      );
      expect(await prices.pricesOf([])).toEqual(new Map());
    });

    it('lists prices by SKU, page by page', async () => {
      const first = await prices.list(2);
      expect(first).toEqual([price('bread', 249), price('milk', 119)]);
      expect(await prices.list(2, 'milk')).toEqual([price('tea', 300)]);
    });

    it('replaces a price, and leaves the others alone', async () => {
      await prices.set([price('milk', 129)]);
      expect(await prices.pricesOf(['milk', 'tea'])).toEqual(
        new Map([
          ['milk', Money.of(129)],
          ['tea', Money.of(300)],
        ]),
      );
      expect(await prices.list(10)).toHaveLength(3);
    });

    it('has what was said last in a unit of work, which sees its own changes', async () => {
      await prices.set([price('cake', 399)]);
      await context.unitOfWork.run(async () => {
        await prices.set([price('rice', 99)]);
        await prices.remove('rice');
        await prices.remove('cake');
        expect(await prices.pricesOf(['rice', 'cake'])).toEqual(new Map());
        await prices.set([price('cake', 299)]);
      });
      expect(await prices.pricesOf(['rice', 'cake'])).toEqual(new Map([['cake', Money.of(299)]]));
    });

    it('removes a price, once, and leaves the others alone', async () => {
      await prices.set([price('cake', 399)]);
      await prices.remove('cake');
      await prices.remove('cake');
      expect(await prices.pricesOf(['cake', 'tea'])).toEqual(new Map([['tea', Money.of(300)]]));
    });
  });
}
