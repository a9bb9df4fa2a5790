import { randomUUID } from 'node:crypto';
import { type Context, startContext } from '@atlas/testing/context';
import { Client } from 'pg';
import { catalogApp } from '../src/catalog.app';
import { audit } from '../src/catalog.audit';
import {
  coffeeBody,
  coffeeSchema,
  CREATE,
  defineCategory,
  listProduct,
  type ProductAnswer,
} from './builders';

interface Page {
  readonly products: readonly ProductAnswer[];
  readonly nextCursor?: string;
}

interface ProblemAnswer {
  readonly title: string;
  readonly detail: string;
  readonly errors: readonly { readonly pointer: string; readonly detail: string; readonly in?: string }[];
}

describe('Catalog', () => {
  let catalog: Context;
  let sku: string;

  beforeAll(async () => {
    catalog = await startContext(catalogApp);
    await defineCategory(catalog);
  });
  beforeEach(() => (sku = `sku-${randomUUID()}`));
  afterAll(() => catalog?.stop());

  const put = (body: object, headers: Record<string, string> = CREATE, of = sku) =>
    catalog.send('PUT', `/products/${of}`, body, headers);
  const read = async (of = sku) => (await catalog.send('GET', `/products/${of}`)).json<ProductAnswer>();
  const search = (query: string) => catalog.send('GET', `/products?${query}`);
  const skus = async (query: string) => {
    const answer = await search(query);
    if (answer.statusCode !== 200) throw new Error(answer.body);
    return answer.json<Page>().products.map((product) => product.sku);
  };

  it('lists a product, says where it is and which version, and publishes it', async () => {
    const answer = await put(coffeeBody());
    expect(answer.statusCode).toBe(201);
    expect(answer.headers).toMatchObject({ location: `/products/${sku}`, etag: '"1"' });
    expect(answer.json()).toMatchObject({ ...coffeeBody(), sku, status: 'listed', version: 1 });
    expect(await read()).toEqual(answer.json());
    expect(await catalog.told(sku)).toEqual(['catalog.product-listed 1']);
  });

  it('shows examples of its requests, which it accepts', async () => {
    const { components } = (await catalog.send('GET', '/docs-json')).json<{
      components: { schemas: Record<string, { example?: object }> };
    }>();
    const { PutCategory, PutProduct } = components.schemas;
    const category = `c-${randomUUID()}`;
    const defined = await catalog.send('PUT', `/categories/${category}`, PutCategory?.example, CREATE);
    expect(defined.statusCode).toBe(201);
    expect((await put({ ...PutProduct?.example, category })).statusCode).toBe(201);
  });

  it('publishes each kind of change once, under the version that it has made', async () => {
    await listProduct(catalog, sku);
    const changed = await put(coffeeBody({ name: 'Kenya', price: { minorUnits: 990 } }), {
      'if-match': '"1"',
    });
    expect(changed.statusCode).toBe(200);
    expect(changed.headers['etag']).toBe('"3"');
    const retired = await catalog.send('POST', `/products/${sku}/retire`, undefined, { 'if-match': '"3"' });
    expect(retired.json()).toMatchObject({ status: 'retired', version: 4 });
    expect(await catalog.told(sku)).toEqual([
      'catalog.product-listed 1',
      'catalog.product-revised 2',
      'catalog.price-changed 3',
      'catalog.product-retired 4',
    ]);
  });

  describe('lets nobody overwrite what they have not seen', () => {
    const cheaper = coffeeBody({ price: { minorUnits: 990 } });

    it('accepts one of many concurrent changes that are based on the same version', async () => {
      await listProduct(catalog, sku);
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          put(coffeeBody({ name: `Editor ${index}` }), { 'if-match': '"1"' }),
        ),
      );
      expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, ...Array(7).fill(412)]);
      const { version } = await read();
      expect(version).toBe(2);
      for (const { statusCode, headers } of answers)
        if (statusCode === 412) expect(headers['etag']).toBe('"2"');
    });

    it('creates one of many concurrent new ones', async () => {
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) => put(coffeeBody({ name: `Editor ${index}` }))),
      );
      expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, ...Array(7).fill(412)]);
    });

    it.each<[string, Record<string, string>, number, RegExp]>([
      ['nothing', {}, 428, /If-Match with the ETag/],
      ['another version', { 'if-match': '"7"' }, 412, /is at ETag "1"/],
      ['another version among others', { 'if-match': '"7", "8"' }, 412, /is at ETag "1"/],
      ['a weak ETag', { 'if-match': 'W/"1"' }, 412, /is at ETag "1"/],
      ['an ETag of somebody else', { 'if-match': '"33a64df5"' }, 412, /is at ETag "1"/],
      ['that nothing is there', CREATE, 412, /is at ETag "1"/],
      ['an ETag without quotes', { 'if-match': '1' }, 400, /with their quotes/],
      ['half an ETag', { 'if-match': '"1' }, 400, /with their quotes/],
      ['no ETag', { 'if-match': '' }, 400, /with their quotes/],
      ['too many ETags', { 'if-match': Array(21).fill('"1"').join() }, 400, /up to 20/],
      ['both', { 'if-match': '"1"', ...CREATE }, 400, /not both/],
      ['that a version is not there', { 'if-none-match': '"1"' }, 400, /If-None-Match but \*/],
    ])('refuses a change that expects %s', async (_, headers, status, detail) => {
      await listProduct(catalog, sku);
      const answer = await put(cheaper, headers);
      expect(answer.statusCode).toBe(status);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.json<ProblemAnswer>().detail).toMatch(detail);
      expect(await read()).toMatchObject({ version: 1, price: { minorUnits: 1_450 } });
    });

    it('accepts a change that expects this version among others, or anything', async () => {
      await listProduct(catalog, sku);
      expect((await put(cheaper, { 'if-match': '"7" , "1"' })).statusCode).toBe(200);
      expect((await put(coffeeBody(), { 'if-match': '*' })).headers['etag']).toBe('"3"');
      expect((await put(coffeeBody(), { 'if-match': '*' }, `${sku}-not-there`)).statusCode).toBe(412);
    });

    it('answers a change that is sent again as if it came now, and makes it once', async () => {
      await listProduct(catalog, sku);
      const first = await put(cheaper, { 'if-match': '"1"' });
      const again = await put(cheaper, { 'if-match': '"1"' });
      expect([again.statusCode, again.json(), again.headers['etag']]).toEqual([200, first.json(), '"2"']);
      expect(await catalog.told(sku)).toHaveLength(2);
    });

    it('retires a product only as it was seen, and once', async () => {
      await listProduct(catalog, sku);
      const retire = (headers: Record<string, string>, of = sku) =>
        catalog.send('POST', `/products/${of}/retire`, undefined, headers);
      expect((await retire({})).statusCode).toBe(428);
      expect((await retire({ 'if-match': '"2"' })).statusCode).toBe(412);
      const retired = await retire({ 'if-match': '"1"' });
      expect([retired.statusCode, retired.headers['etag']]).toEqual([200, '"2"']);
      expect((await retire({ 'if-match': '"1"' })).body).toBe(retired.body);
      expect((await retire({ 'if-match': '*' }, 'unicorn')).statusCode).toBe(404);
      expect(await skus(`words=kenya&attribute=roast:light&limit=500`)).not.toContain(sku);
    });
  });

  it('sends a product again only to those who do not have it', async () => {
    await listProduct(catalog, sku);
    const get = (tag: string) => catalog.send('GET', `/products/${sku}`, undefined, { 'if-none-match': tag });
    for (const tag of ['"1"', 'W/"1"', '"7", "1"', '*']) {
      const answer = await get(tag);
      expect([answer.statusCode, answer.body, answer.headers['etag']]).toEqual([304, '', '"1"']);
    }
    for (const tag of ['"2"', 'nonsense', '']) expect((await get(tag)).statusCode).toBe(200);
  });

  describe('finds products', () => {
    const category = 'finding';
    beforeAll(async () => {
      await defineCategory(catalog, category);
      const all: Record<string, object> = {
        'find-a': { name: 'Washed coffees of Kenya', attributes: { roast: 'light', grams: 500 } },
        'find-b': { name: 'Espresso', attributes: { roast: 'dark', origins: ['Brazil', 'Peru'] } },
        'find-c': {
          name: 'Filter coffee',
          description: 'For the running espresso drinker',
          attributes: { roast: 'dark', grams: 250, size: { width: 3 } },
        },
      };
      for (const [of, changes] of Object.entries(all))
        await listProduct(catalog, of, { category, ...changes });
    });

    it.each<[string, readonly string[]]>([
      ['', ['find-a', 'find-b', 'find-c']],
      ['attribute=roast:dark', ['find-b', 'find-c']],
      ['attribute=roast:dark&attribute=grams:250', ['find-c']],
      ['attribute=origins:Peru', ['find-b']],
      ['attribute=size.width:3', ['find-c']],
      ['words=espresso', ['find-b', 'find-c']],
      ['words=run', ['find-c']],
      ['words=kenya+coffee', ['find-a']],
      ['words=%22filter+coffee%22', ['find-c']],
      ['words=coffee+-kenya', ['find-c']],
      ['words=peru', ['find-b']],
      ['words=espresso&attribute=grams:250', ['find-c']],
      ['status=retired', []],
    ])('by %s', async (query, expected) => {
      expect(await skus(`category=${category}&${query}`)).toEqual(expected);
    });

    it('of any category, whatever type an attribute has there', async () => {
      await defineCategory(catalog, 'labelled', {
        type: 'object',
        properties: { grams: { type: 'string' } },
      });
      await listProduct(catalog, 'find-d', { category: 'labelled', attributes: { grams: '250' } });
      expect(await skus('attribute=grams:250&limit=500')).toEqual(['find-c', 'find-d']);
    });

    it.each(['', '&words=coffee+or+espresso', '&attribute=roast:dark'])(
      'page by page, each once (%s)',
      async (query) => {
        const all = await skus(`category=${category}${query}`);
        const paged: string[] = [];
        for (let cursor = ''; ;) {
          const page = (await search(`category=${category}${query}&limit=1${cursor}`)).json<Page>();
          paged.push(...page.products.map((product) => product.sku));
          if (!page.nextCursor) break;
          cursor = `&cursor=${page.nextCursor}`;
        }
        expect(all.length).toBeGreaterThan(1);
        expect(paged).toEqual(all);
      },
    );

    it('with indexes for each way to look for them', async () => {
      const planOf = async (condition: string) => {
        const client = new Client({ connectionString: catalog.env.DATABASE_URL });
        await client.connect();
        // A few rows would be read one by one.
        await client.query('SET enable_seqscan = off');
        const { rows } = await client.query(`EXPLAIN SELECT sku FROM product WHERE ${condition}`);
        await client.end();
        return JSON.stringify(rows);
      };
      expect(
        await planOf(`(document->'attributes' @> '{"a": 1}' OR document->'attributes' @> '{"a": "1"}')`),
      ).toContain('product_attributes');
      expect(await planOf(`words @@ websearch_to_tsquery('english', 'coffee')`)).toContain('product_words');
      expect(await planOf(`document->>'category' = 'coffee' AND sku > 'x'`)).toContain('product_category');
    });

    it('and refuses queries that are wrong, naming the parameter', async () => {
      const first = (await search(`category=${category}&limit=1`)).json<Page>().nextCursor as string;
      const forged = (...content: unknown[]) => Buffer.from(JSON.stringify(content)).toString('base64url');
      const [fingerprint] = JSON.parse(Buffer.from(first, 'base64url').toString()) as [string];
      const cases: readonly (readonly [string, string, RegExp])[] = [
        ['limit=0', '/limit', />=1/],
        ['limit=501', '/limit', /<=500/],
        ['status=lost', '/status', /listed/],
        ['words=', '/words', />=1/],
        [`words=${'x'.repeat(201)}`, '/words', /<=200/],
        ['words=!%26|', '/words', /no word to look for/],
        ['words=the', '/words', /no word to look for/],
        [`words=${'-'.repeat(200)}`, '/words', /more than 20 hyphens/],
        ['category=Coffee', '/category', /a-z/],
        ['category=unicorns', '/category', /no category "unicorns"/],
        ['attribute=roast', '/attribute', /roast:dark/],
        ['attribute=__proto__:x', '/attribute', /roast:dark/],
        [`category=${category}&attribute=colour:red`, '/attribute', /no attribute "colour".*roast/],
        [`category=${category}&attribute=roast:dark&attribute=grams:x`, '/attribute/1', /type integer/],
        [`category=${category}&cursor=${first.slice(0, -3)}`, '/cursor', /none of ours/],
        [`category=${category}&cursor=%27;--`, '/cursor', /none of ours/],
        [`category=${category}&cursor=${'x'.repeat(401)}`, '/cursor', /<=400/],
        [`category=coffee&cursor=${first}`, '/cursor', /another search/],
        [`category=${category}&words=coffee&cursor=${first}`, '/cursor', /another search/],
        [`category=${category}&cursor=${forged(fingerprint, 'find-a', 0.5)}`, '/cursor', /none of ours/],
        [`category=${category}&cursor=${forged(fingerprint, 7, null)}`, '/cursor', /none of ours/],
        [`category=${category}&cursor=${forged('x')}`, '/cursor', /none of ours/],
      ];
      for (const [query, pointer, detail] of cases) {
        const answer = await search(query);
        expect([query, answer.statusCode]).toEqual([query, 400]);
        expect(answer.json<ProblemAnswer>().errors[0]).toMatchObject({
          in: 'query',
          pointer: expect.stringContaining(pointer) as string,
          detail: expect.stringMatching(detail) as string,
        });
      }
    });

    it.each([
      "'",
      "';DROP TABLE product;--",
      '\\',
      '%25',
      'a:*',
      '((((',
      'or or or',
      '-"'.repeat(20),
      '- !'.repeat(20),
      '-""'.repeat(20),
      '"'.repeat(200),
    ])('whatever is looked for: %s', async (words) => {
      expect([200, 400]).toContain((await search(`words=${encodeURIComponent(words)}`)).statusCode);
    });
  });

  describe('refuses a product', () => {
    const attributes = (changes: object) => coffeeBody({ attributes: { roast: 'dark', ...changes } });
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`a${index}`, 1]));
    const deep = (depth: number): object => (depth === 0 ? {} : { deeper: deep(depth - 1) });
    const large = Object.fromEntries(
      Array.from({ length: 90 }, (_, index) => [`text${index}`, 'x'.repeat(1_000)]),
    );

    it.each<[string, object, number, string, RegExp]>([
      ['without a name', coffeeBody({ name: undefined }), 400, '/name', /string/],
      ['without a price', coffeeBody({ price: undefined }), 400, '/price', /object/],
      ['with half a cent', coffeeBody({ price: { minorUnits: 0.5 } }), 400, '/price/minorUnits', /int/],
      ['with a negative price', coffeeBody({ price: { minorUnits: -1 } }), 400, '/price/minorUnits', />=0/],
      ['with a field that is none', coffeeBody({ colour: 'red' }), 400, '', /colour/],
      ['in no category', coffeeBody({ category: 'unicorns' }), 422, '/category', /not defined/],
      ['without an attribute', coffeeBody({ attributes: {} }), 422, '/attributes/roast', /missing/],
      ['with a wrong attribute', attributes({ grams: 'x' }), 422, '/attributes/grams', /must be integer/],
      ['with a wrong entry', attributes({ origins: [1] }), 422, '/attributes/origins/0', /must be string/],
      ['with another attribute', attributes({ taste: 'x' }), 422, '/attributes/taste', /no such/],
      ['with a wrong group', attributes({ size: { x: 1 } }), 422, '/attributes/size/x', /no such/],
      ['with an odd name', attributes({ 'a.b': 1 }), 400, '/attributes/a.b', /letters and digits/],
      ['with nothing', attributes({ grams: null }), 400, '/attributes/grams', /must be a text/],
      [
        'with a huge number',
        attributes({ grams: 2 ** 60 }),
        400,
        '/attributes/grams',
        /too large to be exact/,
      ],
      ['with lists in lists', attributes({ origins: [['x']] }), 400, '/attributes/origins', /must be a text/],
      ['with a long text', attributes({ code: 'x'.repeat(1_001) }), 400, '/attributes/code', /<=1000/],
      ['with 10,000 attributes', attributes(many), 400, '/attributes', /more than 100/],
      ['that is too large', attributes(large), 400, '/attributes', /64 KiB/],
      ['that is deep', attributes(deep(5)), 400, '/attributes/deeper', /a group of such/],
      ['that is deeper than any', attributes(deep(40)), 400, '', /32 levels/],
    ])('%s, and says which field is wrong', async (_, body, status, pointer, detail) => {
      const answer = await put(body);
      expect(answer.statusCode).toBe(status);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      const problem = answer.json<ProblemAnswer>();
      expect(problem.errors ?? [{ pointer: '', detail: problem.detail }]).toContainEqual(
        expect.objectContaining({ pointer, detail: expect.stringMatching(detail) as string }),
      );
      expect((await catalog.send('GET', `/products/${sku}`)).statusCode).toBe(404);
    });

    it('that is larger than a request may be, or no JSON', async () => {
      const raw = (payload: string) =>
        catalog.inject({
          method: 'PUT',
          url: `/products/${sku}`,
          payload,
          headers: { 'content-type': 'application/json', ...CREATE },
        });
      expect((await raw(JSON.stringify({ x: 'y'.repeat(1_100_000) }))).statusCode).toBe(413);
      expect((await raw('{"attributes":')).statusCode).toBe(400);
      expect((await raw(`{"attributes":${'['.repeat(100_000)}`)).statusCode).toBe(400);
      expect((await raw(`{"attributes":{"grams":1e400}}`)).statusCode).toBe(400);
      expect((await put(coffeeBody(), CREATE, 'Not%20a%20SKU')).statusCode).toBe(400);
    });
  });

  describe('keeps a schema for each category', () => {
    let name: string;
    beforeEach(() => (name = `c-${randomUUID()}`));
    const define = (schema: object, headers: Record<string, string> = CREATE) =>
      catalog.send('PUT', `/categories/${name}`, { title: 'Coffee', schema }, headers);

    it('defines, reads and lists it', async () => {
      const $schema = 'https://json-schema.org/draft/2020-12/schema';
      const schema = { $schema, ...coffeeSchema };
      const answer = await define(schema);
      expect(answer.statusCode).toBe(201);
      expect(answer.headers).toMatchObject({ location: `/categories/${name}`, etag: '"1"' });
      expect(answer.json()).toMatchObject({ name, title: 'Coffee', schema, version: 1 });
      const read = await catalog.send('GET', `/categories/${name}`);
      expect([read.json(), read.headers['etag']]).toEqual([answer.json(), '"1"']);
      const listed = await catalog.send('GET', `/categories?limit=1&cursor=${name.slice(0, -1)}`);
      expect(listed.json()).toMatchObject({ categories: [{ name }], nextCursor: name });
      expect((await catalog.send('GET', '/categories/unicorns')).statusCode).toBe(404);
    });

    it('changes it only as it was seen, and if its products allow it', async () => {
      await define(coffeeSchema);
      await listProduct(catalog, sku, { category: name });
      const stricter = { ...coffeeSchema, required: ['roast', 'code'] };
      expect((await define(stricter, {})).statusCode).toBe(428);
      expect((await define(stricter)).statusCode).toBe(412);
      const refused = await define(stricter, { 'if-match': '"1"' });
      expect(refused.statusCode).toBe(409);
      expect(refused.json<ProblemAnswer>().errors[0]?.detail).toMatch(`Product ${sku}, /attributes/code`);
      const attributes = { roast: 'dark', code: 'KE-1' };
      await put(coffeeBody({ category: name, attributes }), { 'if-match': '"1"' });
      expect((await define(stricter, { 'if-match': '"1"' })).headers['etag']).toBe('"2"');
      expect((await put(coffeeBody({ category: name }), { 'if-match': '*' })).statusCode).toBe(422);
    });

    const property = (schema: object) => ({ type: 'object', properties: { a: schema } });
    it.each<[string, object, number, string, RegExp]>([
      ['is none', { hello: 'world' }, 400, '/schema/type', /object/],
      ['has a type that is none', property({ type: 'text' }), 400, '/schema/properties/a/type', /Invalid/],
      [
        'has a keyword that is none',
        property({ type: 'string', maxlength: 3 }),
        400,
        '/schema/properties/a',
        /maxlength/,
      ],
      ['refers to others', property({ $ref: '#' }), 400, '/schema/properties/a/type', /Invalid/],
      ['combines others', { ...property({ type: 'boolean' }), allOf: [] }, 400, '/schema', /allOf/],
      [
        'allows everything',
        { ...property({ type: 'boolean' }), additionalProperties: true },
        400,
        '/schema/additionalProperties',
        /false/,
      ],
      [
        'requires what is not there',
        { ...property({ type: 'boolean' }), required: ['b'] },
        400,
        '/schema/required/0',
        /none of the properties/,
      ],
      [
        'requires something twice',
        { ...property({ type: 'boolean' }), required: ['a', 'a'] },
        400,
        '/schema/required/1',
        /twice/,
      ],
      [
        'allows no value',
        property({ type: 'integer', minimum: 2, maximum: 1 }),
        400,
        '/schema/properties/a/minimum',
        /more than maximum/,
      ],
      [
        'has an attribute without a name',
        { type: 'object', properties: { '': { type: 'boolean' } } },
        400,
        '/schema/properties/',
        /letters and digits/,
      ],
      [
        'is deep',
        property(property(property({ type: 'boolean' }))),
        400,
        '/schema/properties/a/properties/a/type',
        /Invalid/,
      ],
      [
        'has a pattern that is none',
        property({ type: 'string', pattern: '(a' }),
        422,
        '/schema/properties/a/pattern',
        /RE2/,
      ],
      [
        'has a pattern that looks back',
        property({ type: 'string', pattern: '(a)\\1' }),
        422,
        '/schema/properties/a/pattern',
        /RE2/,
      ],
      [
        'has a pattern that explodes',
        property({ type: 'string', pattern: '(a{1000}){1000}' }),
        422,
        '/schema/properties/a/pattern',
        /RE2/,
      ],
    ])('refuses one that %s', async (_, schema, status, pointer, detail) => {
      const answer = await define(schema);
      expect(answer.statusCode).toBe(status);
      expect(answer.json<ProblemAnswer>().errors).toContainEqual(
        expect.objectContaining({ pointer, detail: expect.stringMatching(detail) as string }),
      );
    });

    it('checks a text against a pattern that would keep another engine busy for ever', async () => {
      await define({ type: 'object', properties: { text: { type: 'string', pattern: '^(a+)+$' } } });
      const begun = performance.now();
      const attributes = { text: `${'a'.repeat(900)}!` };
      expect((await put(coffeeBody({ category: name, attributes }))).statusCode).toBe(422);
      expect(performance.now() - begun).toBeLessThan(5_000);
    });
  });

  it('is audited: a product that its category does not allow, or without one, is found', async () => {
    await listProduct(catalog, sku);
    const database = new Client({ connectionString: catalog.env.DATABASE_URL });
    await database.connect();
    const found = async () => {
      const { checks } = await audit.check({ database, inFlight: false, read: async () => [] });
      return checks.flatMap(({ violations }) => violations);
    };
    const set = (path: string, value: string) =>
      database.query('UPDATE product SET document = jsonb_set(document, $2, $3) WHERE sku = $1', [
        sku,
        path,
        value,
      ]);
    try {
      expect(await found()).toEqual([]);
      await set('{attributes,grams}', '"heavy"');
      expect(await found()).toEqual([
        expect.objectContaining({ subject: sku, detail: expect.stringContaining('"grams"') as string }),
      ]);
      await set('{attributes,grams}', '500');
      await set('{category}', '"nowhere"');
      expect(await found()).toEqual([
        expect.objectContaining({ subject: sku, detail: expect.stringContaining('"nowhere"') as string }),
      ]);
      await set('{category}', '"coffee"');
    } finally {
      await database.end();
    }
  });
});
