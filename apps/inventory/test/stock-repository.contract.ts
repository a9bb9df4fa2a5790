import { randomUUID } from 'node:crypto';
import type { UnitOfWork } from '@atlas/ports/adapters';
import type { StockRepository } from '../src/application/ports';
import type { Stock } from '../src/domain/stock';

/** An adapter of {@link StockRepository} and its test support. */
export interface StockUnderTest {
  readonly stock: StockRepository;
  readonly unitOfWork: UnitOfWork;
  stop(): Promise<void>;
}

export function stockRepositoryContract(name: string, start: () => Promise<StockUnderTest>): void {
  describe(`The stock repository, ${name}`, () => {
    let context: StockUnderTest;
    let stock: StockRepository;
    let sku: string;

    beforeAll(async () => {
      context = await start();
      ({ stock } = context);
    });
    beforeEach(() => {
      sku = `sku-${randomUUID()}`;
    });
    afterAll(() => context?.stop());

    const set = (available: number, ...skus: readonly string[]) =>
      stock.update(skus, (current) => current.setAvailable(skus.map((each) => ({ sku: each, available }))));
    const available = async (of = sku) => (await stock.get(of))?.levels.available;

    it('saves the stock of several SKUs, including new ones', async () => {
      await set(3, sku);
      const other = `${sku}-b`;
      const updated = await set(7, sku, other);
      expect(updated.item(other).levels).toEqual({ received: 7, available: 7, reserved: 0, sold: 0 });
      expect((await stock.get(sku))?.levels).toEqual({ received: 7, available: 7, reserved: 0, sold: 0 });
      expect(await available(other)).toBe(7);
    });

    it('gives a SKU empty stock if nothing else is said of it, and changes none that is there', async () => {
      await set(3, sku);
      const empty = `${sku}-empty`;
      await stock.update([sku, empty], (current) => ({ next: current, events: [] }));
      expect((await stock.get(empty))?.levels).toEqual({ received: 0, available: 0, reserved: 0, sold: 0 });
      expect(await available()).toBe(3);
    });

    it('returns nothing for a SKU that was never stocked', async () => {
      expect(await stock.get(sku)).toBeUndefined();
    });

    it('lists stock by SKU, page by page', async () => {
      const skus = [`${sku}-c`, `${sku}-a`, `${sku}-b`];
      await set(1, ...skus);
      const listed = (await stock.list(2, sku)).map((item) => item.sku);
      expect(listed).toEqual([`${sku}-a`, `${sku}-b`]);
      expect((await stock.list(1, `${sku}-b`)).map((item) => item.sku)).toEqual([`${sku}-c`]);
    });

    it('serializes concurrent changes, and loses none', async () => {
      await set(0, sku);
      const addOne = (current: Stock) =>
        current.setAvailable([{ sku, available: current.item(sku).levels.available + 1 }]);
      await Promise.all(Array.from({ length: 10 }, () => stock.update([sku], addOne)));
      expect(await available()).toBe(10);
    });

    it('rolls back when a change throws or the unit of work fails', async () => {
      await set(2, sku);
      const refused = stock.update([sku], () => {
        throw new Error('refused');
      });
      await expect(refused).rejects.toThrow('refused');
      const unit = context.unitOfWork.run(async () => {
        await set(9, sku);
        throw new Error('the unit fails');
      });
      await expect(unit).rejects.toThrow('the unit fails');
      expect(await available()).toBe(2);
    });
  });
}
