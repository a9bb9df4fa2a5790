import { randomUUID } from 'node:crypto';
import { err, ok } from '@atlas/kernel';
import type { CategoryRepository, ProductRepository } from '../src/application/ports';
import type { AttributesSchema } from '../src/domain/attributes-schema';
import { Category } from '../src/domain/category';
import { Product } from '../src/domain/product';
import { coffee, coffeeSchema } from './builders';

/** An adapter of {@link CategoryRepository} with its {@link ProductRepository}. */
export interface CategoriesUnderTest {
  readonly categories: CategoryRepository;
  readonly products: ProductRepository;
  stop(): Promise<void>;
}

const at = new Date('2026-01-01T10:00:00Z');

export function categoryRepositoryContract(name: string, start: () => Promise<CategoriesUnderTest>): void {
  describe(`The category repository, ${name}`, () => {
    let context: CategoriesUnderTest;
    let categories: CategoryRepository;
    let category: string;

    beforeAll(async () => {
      context = await start();
      ({ categories } = context);
    });
    beforeEach(() => {
      category = `c-${randomUUID()}`;
    });
    afterAll(() => context?.stop());

    const put = (title = 'Coffee', of = category, schema: AttributesSchema = coffeeSchema) =>
      categories.put(of, async (found) => {
        const draft = { title, schema };
        return ok(found ? found.redefine(draft, at) : Category.define(of, draft, at));
      });
    const list = (sku: string, of = category) =>
      context.products.put(sku, of, () => ok(Product.list(sku, coffee({ category: of }), at)));

    it('returns a category as it was put', async () => {
      expect(await categories.get(category)).toBeUndefined();
      const done = await put();
      const state = { name: category, title: 'Coffee', schema: coffeeSchema, version: 1, changedAt: at };
      expect(done.ok && done.value.snapshot()).toEqual(state);
      expect((await categories.get(category))?.snapshot()).toEqual(state);
    });

    it('saves a change, and nothing if it is refused', async () => {
      await put();
      await put('Better coffee');
      expect(await categories.put(category, async () => err('no'))).toEqual({ ok: false, error: 'no' });
      expect((await categories.get(category))?.snapshot()).toMatchObject({
        title: 'Better coffee',
        version: 2,
      });
    });

    it('creates a category once, and loses no change, under concurrent requests', async () => {
      await Promise.all(Array.from({ length: 6 }, (_, index) => put(`The ${index}th`)));
      expect((await categories.get(category))?.version).toBe(6);
    });

    it('hands a change the listed products of the category, and no others', async () => {
      await list(`${category}.b`);
      await list(`${category}.a`);
      await list(`${category}.retired`);
      await context.products.update(`${category}.retired`, (product) => ok(product.retire(at)));
      await list(`${category}.other`, `${category}-other`);
      const seen: string[] = [];
      await categories.put(category, async (_, products) => {
        for await (const page of products) seen.push(...page.map(({ id }) => id));
        return err('only looked');
      });
      expect(seen).toEqual([`${category}.a`, `${category}.b`]);
    });

    it('lists categories by name, page by page', async () => {
      await put('C', `${category}-c`);
      await put('A', `${category}-a`);
      await put('B', `${category}-b`);
      const names = async (limit: number, after: string) =>
        (await categories.list(limit, after)).map(({ id }) => id.slice(category.length));
      expect(await names(2, category)).toEqual(['-a', '-b']);
      expect((await names(1, `${category}-b`))[0]).toBe('-c');
    });
  });
}
