import { Money } from '@atlas/kernel';
import { MemoryContext } from '@atlas/testing';
import { MemoryCategoryRepository } from '../../adapters/driven/memory/categories.repository';
import { MemoryProductRepository } from '../../adapters/driven/memory/products.repository';
import type { Attributes, Flaw } from '../../domain/attributes';
import type { AttributesSchema } from '../../domain/attributes-schema';
import type { Expectation } from '../../domain/expectation';
import type { ProductDraft } from '../../domain/product';
import { AttributeChecker } from '../ports';
import { SearchProducts } from '../queries/search-products';
import { PutCategory } from './put-category';
import { PutProduct } from './put-product';
import { RetireProduct } from './retire-product';

const coffeeSchema: AttributesSchema = {
  type: 'object',
  properties: {
    roast: { type: 'string' },
    grams: { type: 'integer' },
    code: { type: 'string' },
  },
  required: ['roast'],
  additionalProperties: false,
};

const coffee = (changes: Partial<ProductDraft> = {}): ProductDraft => ({
  category: 'coffee',
  name: 'Kenya AA',
  description: '',
  price: Money.of(1_450),
  attributes: { roast: 'light', grams: 500 },
  ...changes,
});

/** Knows only what is required, and which attributes there are. */
class NamesChecker extends AttributeChecker {
  flawsOf({ properties }: AttributesSchema): readonly Flaw[] {
    return Object.keys(properties).length > 0 ? [] : [{ path: ['properties'], detail: 'There are none.' }];
  }

  flawsIn(attributes: Attributes, { properties, required = [] }: AttributesSchema): readonly Flaw[] {
    const wrong = [
      ...required.filter((name) => !(name in attributes)),
      ...Object.keys(attributes).filter((name) => !(name in properties)),
    ];
    return wrong.map((name) => ({ path: [name], detail: 'It is wrong.' }));
  }
}

describe('Editing the catalog', () => {
  let context: MemoryContext;
  let products: MemoryProductRepository;
  let putProduct: PutProduct;
  let retireProduct: RetireProduct;
  let putCategory: PutCategory;
  let searchProducts: SearchProducts;

  beforeEach(async () => {
    context = new MemoryContext();
    const { unitOfWork, outbox, clock } = context;
    const categories = new MemoryCategoryRepository(unitOfWork, outbox);
    products = new MemoryProductRepository(unitOfWork, categories, outbox);
    const checker = new NamesChecker();
    putProduct = new PutProduct(products, checker, clock);
    retireProduct = new RetireProduct(products, clock);
    putCategory = new PutCategory(categories, checker, clock);
    searchProducts = new SearchProducts(products, categories);
    await define(coffeeSchema, 'nothing');
  });

  const define = (schema: AttributesSchema, expected: Expectation) =>
    putCategory.execute({ name: 'coffee', draft: { title: 'Coffee', schema }, expected });
  const put = (draft: ProductDraft, expected: Expectation, sku = 'kenya-aa') =>
    putProduct.execute({ sku, draft, expected });
  const told = () => context.told('kenya-aa');
  const version = async () => (await products.get('kenya-aa'))?.version;

  it('lists a product once, and says that it is new', async () => {
    expect(await put(coffee(), 'nothing')).toMatchObject({ ok: true, value: { isNew: true } });
    expect(told()).toEqual(['catalog.product-listed 1']);
  });

  it('stays as it is when a change is sent again, whatever was expected', async () => {
    await put(coffee(), 'nothing');
    expect(await put(coffee(), 'nothing')).toMatchObject({ ok: true, value: { isNew: false } });
    expect(await put(coffee(), [7])).toMatchObject({ ok: true });
    expect(told()).toEqual(['catalog.product-listed 1']);
  });

  it('revises a product that is as expected', async () => {
    await put(coffee(), 'nothing');
    expect((await put(coffee({ price: Money.of(990) }), [1])).ok).toBe(true);
    expect((await put(coffee({ price: Money.of(880) }), 'anything')).ok).toBe(true);
    expect(told()).toEqual([
      'catalog.product-listed 1',
      'catalog.price-changed 2',
      'catalog.price-changed 3',
    ]);
  });

  it.each<[string, Expectation, boolean]>([
    ['an older version', [1], true],
    ['nothing', 'nothing', true],
    ['anything, but finds nothing', 'anything', false],
    ['a version, but finds nothing', [1], false],
  ])('refuses a change that expects %s', async (_, expected, exists) => {
    if (exists) {
      await put(coffee(), 'nothing');
      await put(coffee({ name: 'Kenya' }), [1]);
    }
    const before = await version();
    expect(await put(coffee({ price: Money.of(1) }), expected)).toMatchObject({
      ok: false,
      error: { type: 'unexpected' },
    });
    expect(await version()).toBe(before);
  });

  it('refuses attributes that the category does not allow, naming each', async () => {
    const attributes = { grams: 500, colour: 'red' };
    const refused = await put(coffee({ attributes }), 'nothing');
    const paths =
      !refused.ok && 'flaws' in refused.error && refused.error.flaws.map(({ path }) => path.join());
    expect(paths && [...paths].sort()).toEqual(['colour', 'roast']);
    expect(await version()).toBeUndefined();
  });

  it('refuses a product of a category that is not defined', async () => {
    expect(await put(coffee({ category: 'tea' }), 'nothing')).toEqual({
      ok: false,
      error: { type: 'unknown-category' },
    });
  });

  it('retires a product that is as expected, once', async () => {
    await put(coffee(), 'nothing');
    expect(await retireProduct.execute('kenya-aa', [2])).toMatchObject({ ok: false });
    expect(await retireProduct.execute('kenya-aa', [1])).toMatchObject({ ok: true });
    expect(await retireProduct.execute('kenya-aa', [1])).toMatchObject({ ok: true });
    expect(await retireProduct.execute('unicorn', 'anything')).toBeUndefined();
    expect(told()).toEqual(['catalog.product-listed 1', 'catalog.product-retired 2']);
  });

  describe('a schema', () => {
    const { roast, grams } = coffeeSchema.properties as Required<typeof coffeeSchema.properties>;
    const withoutCode = { ...coffeeSchema, properties: { roast, grams } as AttributesSchema['properties'] };
    const needsCode = { ...coffeeSchema, required: ['roast', 'code'] };

    it('changes if all listed products satisfy the new one', async () => {
      await put(coffee(), 'nothing');
      expect(await define(withoutCode, [1])).toMatchObject({ ok: true, value: { isNew: false } });
      const coded = coffee({ attributes: { roast: 'dark', code: 'KE-1' } });
      expect(await put(coded, 'anything')).toMatchObject({ ok: false, error: { type: 'wrong-attributes' } });
    });

    it('does not change if a listed product would not satisfy it, and the product is named', async () => {
      await put(coffee(), 'nothing');
      expect(await define(needsCode, [1])).toMatchObject({
        ok: false,
        error: { type: 'misfits', first: [{ sku: 'kenya-aa', flaws: [{ path: ['code'] }] }] },
      });
      await retireProduct.execute('kenya-aa', 'anything');
      expect(await define(needsCode, [1])).toMatchObject({ ok: true });
      expect(await put(coffee(), 'anything')).toMatchObject({ ok: false });
    });

    it('does not change if it is not as expected, but may be sent again', async () => {
      expect(await define(withoutCode, [7])).toMatchObject({ ok: false, error: { type: 'unexpected' } });
      expect(await define(withoutCode, [1])).toMatchObject({ ok: true });
      expect(await define(withoutCode, [1])).toMatchObject({ ok: true, value: { category: { version: 2 } } });
    });

    it('is refused if it could check nothing', async () => {
      expect(await define({ ...coffeeSchema, properties: {} }, 'anything')).toMatchObject({
        ok: false,
        error: { type: 'wrong-schema', flaws: [{ path: ['properties'] }] },
      });
    });
  });

  it('finds products by attributes that the category has, and refuses others', async () => {
    await put(coffee(), 'nothing');
    await put(coffee({ attributes: { roast: 'dark' } }), 'nothing', 'espresso');
    const search = (category: string | undefined, ...attributes: [string, string][]) =>
      searchProducts.execute({
        category,
        attributes: attributes.map(([name, text]) => ({ path: [name], text })),
        limit: 10,
      });
    const found = await search('coffee', ['roast', 'dark']);
    expect(found.ok && found.value.map(({ place }) => place.sku)).toEqual(['espresso']);
    expect(await search('coffee', ['roast', 'dark'], ['taste', 'good'])).toMatchObject({
      ok: false,
      error: { type: 'wrong-attribute', index: 1 },
    });
    expect(await search('tea')).toEqual({ ok: false, error: { type: 'unknown-category' } });
    const open = await search(undefined, ['grams', '500']);
    expect(open.ok && open.value.map(({ place }) => place.sku)).toEqual(['kenya-aa']);
  });
});
