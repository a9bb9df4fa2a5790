import { randomUUID } from 'node:crypto';
import { err, Money, ok } from '@atlas/kernel';
import type { UnitOfWork } from '@atlas/ports/adapters';
import { eventually } from '@atlas/testing';
import type { CategoryRepository, ProductFilter, ProductRepository } from '../src/application/ports';
import { Category } from '../src/domain/category';
import { Product, type ProductDraft } from '../src/domain/product';
import { coffee, coffeeSchema } from './builders';

/** An adapter of {@link ProductRepository} with its {@link CategoryRepository} and test support. */
export interface ProductsUnderTest {
  readonly products: ProductRepository;
  readonly categories: CategoryRepository;
  readonly unitOfWork: UnitOfWork;
  /** The product's committed events, each with its version. */
  told(sku: string): Promise<readonly string[]> | readonly string[];
  stop(): Promise<void>;
}

const at = new Date('2026-01-01T10:00:00Z');

export function productRepositoryContract(name: string, start: () => Promise<ProductsUnderTest>): void {
  describe(`The product repository, ${name}`, () => {
    let context: ProductsUnderTest;
    let products: ProductRepository;
    /** A category of each test's own. */
    let category: string;
    let sku: string;

    beforeAll(async () => {
      context = await start();
      ({ products } = context);
    });
    beforeEach(() => {
      category = `c-${randomUUID()}`;
      sku = `sku-${randomUUID()}`;
    });
    afterAll(() => context?.stop());

    const draft = (changes: Partial<ProductDraft> = {}) => coffee({ category, ...changes });
    const put = (changes: Partial<ProductDraft> = {}, of = sku) =>
      products.put(of, category, (product) =>
        ok(product ? product.revise(draft(changes), at) : Product.list(of, draft(changes), at)),
      );
    const read = async (of = sku) => (await products.get(of))?.snapshot();
    const define = (title = 'Coffee') =>
      context.categories.put(category, async (found) => {
        const next = { title, schema: coffeeSchema };
        return ok(found ? found.redefine(next, at) : Category.define(category, next, at));
      });
    const search = async (filter: Partial<ProductFilter>) => {
      const found = await products.search({ category, attributes: [], limit: 100, ...filter });
      if (!found.ok) throw new Error(found.error);
      return found.value;
    };
    const skus = async (filter: Partial<ProductFilter>) =>
      (await search(filter)).map(({ product }) => product.id.replace(`${sku}-`, ''));
    const putAll = async (all: Readonly<Record<string, Partial<ProductDraft>>>) => {
      for (const [suffix, changes] of Object.entries(all)) await put(changes, `${sku}-${suffix}`);
    };

    it('returns a product as it was put, and publishes its event', async () => {
      const attributes = {
        grams: 0.1,
        big: 9_007_199_254_740_991,
        text: 'Zoë’s "best" \\ ☕',
        empty: '',
        yes: true,
        list: ['a', 1, false],
        group: { inner: ['b'] },
      };
      const done = await put({ attributes, name: 'Ærlig talt' });
      expect(done.ok && done.value.snapshot()).toEqual(await read());
      expect(await read()).toEqual({
        ...draft({ attributes, name: 'Ærlig talt' }),
        sku,
        status: 'listed',
        version: 1,
        listedAt: at,
        changedAt: at,
      });
      expect(await context.told(sku)).toEqual(['catalog.product-listed 1']);
    });

    it('creates a product once, even under concurrent requests', async () => {
      const seen: boolean[] = [];
      await Promise.all(
        Array.from({ length: 6 }, () =>
          products.put(sku, category, (product) => {
            seen.push(product !== undefined);
            return product ? ok({ next: product, events: [] }) : ok(Product.list(sku, draft(), at));
          }),
        ),
      );
      expect(seen.filter((found) => !found)).toHaveLength(1);
      expect(await context.told(sku)).toEqual(['catalog.product-listed 1']);
    });

    it('hands a change the category that the product is to have', async () => {
      const found: (Category | undefined)[] = [];
      const look = () =>
        products.put(sku, category, (_, its) => {
          found.push(its);
          return err('refused' as const);
        });
      await look();
      await define();
      await look();
      expect(found[0]).toBeUndefined();
      expect(found[1]?.snapshot()).toMatchObject({ name: category, schema: coffeeSchema });
    });

    it('saves nothing if a change is refused', async () => {
      expect(await products.put(sku, category, () => err('no'))).toEqual({ ok: false, error: 'no' });
      expect(await read()).toBeUndefined();
      await put();
      expect(await products.update(sku, () => err('no'))).toEqual({ ok: false, error: 'no' });
      expect(await context.told(sku)).toHaveLength(1);
    });

    it('updates a product that exists, and no other', async () => {
      const retire = jest.fn((product: Product) => ok(product.retire(at)));
      expect(await products.update(sku, retire)).toBeUndefined();
      expect(retire).not.toHaveBeenCalled();
      await put();
      expect(await products.update(sku, retire)).toMatchObject({ ok: true });
      expect(await read()).toMatchObject({ status: 'retired', version: 2 });
      expect(await context.told(sku)).toEqual(['catalog.product-listed 1', 'catalog.product-retired 2']);
    });

    it('serializes concurrent changes, and loses none', async () => {
      await put();
      await Promise.all(
        Array.from({ length: 8 }, () =>
          products.update(sku, (product) => {
            const { price, ...same } = product.snapshot();
            return ok(product.revise({ ...same, price: price.plus(Money.of(1)) }, at));
          }),
        ),
      );
      expect(await read()).toMatchObject({ price: Money.of(1_458), version: 9 });
      expect(await context.told(sku)).toHaveLength(9);
    });

    it('rolls back when the unit of work fails', async () => {
      await put();
      const added = `${sku}-added`;
      const unit = context.unitOfWork.run(async () => {
        await put({}, added);
        await put({ name: 'Changed' });
        throw new Error('the unit fails');
      });
      await expect(unit).rejects.toThrow('the unit fails');
      expect(await read(added)).toBeUndefined();
      expect(await read()).toMatchObject({ name: 'Kenya AA', version: 1 });
      expect(await context.told(added)).toEqual([]);
    });

    it('keeps a category from changing while a product of it is put', async () => {
      await define();
      const steps: string[] = [];
      const holding = Promise.withResolvers<void>();
      const held = Promise.withResolvers<void>();
      const unit = context.unitOfWork.run(async () => {
        await put();
        held.resolve();
        await holding.promise;
        steps.push('put');
      });
      await held.promise;
      const redefined = define('Better coffee').then(() => steps.push('redefined'));
      // Long enough to change the category if nothing kept it from that.
      await expect(eventually(async () => steps.length > 0, 300)).rejects.toThrow();
      holding.resolve();
      await Promise.all([unit, redefined]);
      expect(steps).toEqual(['put', 'redefined']);
    });

    describe('finds products', () => {
      it('by SKU, page by page', async () => {
        await putAll({ c: {}, a: {}, b: {} });
        const first = await search({ limit: 2 });
        expect(first.map(({ place }) => place)).toEqual([{ sku: `${sku}-a` }, { sku: `${sku}-b` }]);
        expect(await skus({ limit: 2, after: first[1]?.place })).toEqual(['c']);
        expect(await skus({ after: { sku: `${sku}-c` } })).toEqual([]);
      });

      it('by status', async () => {
        await putAll({ a: {}, b: {} });
        await products.update(`${sku}-a`, (product) => ok(product.retire(at)));
        expect(await skus({ status: 'listed' })).toEqual(['b']);
        expect(await skus({ status: 'retired' })).toEqual(['a']);
        expect(await skus({})).toEqual(['a', 'b']);
      });

      it('by attributes: all of several, in lists and groups, any of the alternatives', async () => {
        await putAll({
          a: { attributes: { roast: 'dark', grams: 500 } },
          b: { attributes: { roast: 'dark', grams: 250, origins: ['Kenya', 'Peru'] } },
          c: { attributes: { roast: 'light', grams: '500', size: { width: 3, height: 2 } } },
        });
        expect(await skus({ attributes: [[{ roast: 'dark' }]] })).toEqual(['a', 'b']);
        expect(await skus({ attributes: [[{ roast: 'dark' }], [{ grams: 500 }]] })).toEqual(['a']);
        expect(await skus({ attributes: [[{ grams: 500 }, { grams: '500' }]] })).toEqual(['a', 'c']);
        expect(await skus({ attributes: [[{ origins: ['Peru'] }]] })).toEqual(['b']);
        expect(await skus({ attributes: [[{ size: { width: 3 } }]] })).toEqual(['c']);
        expect(await skus({ attributes: [[{ roast: "dark' OR '1'='1" }]] })).toEqual([]);
      });

      it('by words, the most relevant first: names, then descriptions, then attributes', async () => {
        await putAll({
          a: { name: 'Mug', description: 'Blue', attributes: { note: 'washed espresso' } },
          b: { name: 'Cup', description: 'For espresso', attributes: {} },
          c: { name: 'Espresso', description: 'Strong', attributes: {} },
          d: { name: 'Tea', description: 'Green', attributes: { note: 7 } },
        });
        const found = await search({ words: 'ESPRESSO' });
        expect(found.map(({ product }) => product.id)).toEqual([`${sku}-c`, `${sku}-b`, `${sku}-a`]);
        const ranks = found.map(({ place: { rank = NaN } }) => rank);
        expect(ranks[0]).toBeGreaterThan(ranks[1] as number);
        expect(ranks[1]).toBeGreaterThan(ranks[2] as number);
      });

      it('by words, page by page, also among equally relevant ones', async () => {
        await putAll({
          e: { name: 'Espresso', description: '' },
          a: { name: 'Cup', description: 'espresso' },
          c: { name: 'Cup', description: 'espresso' },
          b: { name: 'Cup', description: 'espresso' },
        });
        const paged: string[] = [];
        for (let after: ProductFilter['after']; ;) {
          const [next] = await search({ words: 'espresso', limit: 1, after });
          if (!next) break;
          paged.push(next.product.id.replace(`${sku}-`, ''));
          after = next.place;
        }
        expect(paged).toEqual(['e', 'a', 'b', 'c']);
      });

      it('by phrases, exclusions and alternatives', async () => {
        await putAll({
          a: { name: 'Blue mug', description: '' },
          b: { name: 'Mug, blue', description: '' },
          c: { name: 'Red cup', description: '' },
        });
        expect(await skus({ words: '"blue mug"' })).toEqual(['a']);
        expect((await skus({ words: 'blue mug' })).sort()).toEqual(['a', 'b']);
        expect((await skus({ words: 'mug or cup' })).sort()).toEqual(['a', 'b', 'c']);
        expect(await skus({ words: 'mug -blue' })).toEqual([]);
        expect(await skus({ words: 'cup -blue or "blue mug"' })).toHaveLength(2);
      });

      it.each(['!!!', '& | !', '-', '""', '<-> ( :*'])(
        'says that "%s" is nothing to look for',
        async (words) => {
          await put({ name: 'Mug' });
          expect(await products.search({ attributes: [], words, limit: 1 })).toEqual({
            ok: false,
            error: 'no-words',
          });
        },
      );

      it('by everything together', async () => {
        await putAll({
          a: { name: 'Espresso', attributes: { roast: 'dark' } },
          b: { name: 'Espresso', attributes: { roast: 'light' } },
          c: { name: 'Filter', attributes: { roast: 'dark' } },
        });
        const both = { words: 'espresso', status: 'listed', attributes: [[{ roast: 'dark' }]] } as const;
        expect(await skus(both)).toEqual(['a']);
        expect(await products.search({ ...both, category: 'another', limit: 9 })).toEqual({
          ok: true,
          value: [],
        });
      });
    });
  });
}
