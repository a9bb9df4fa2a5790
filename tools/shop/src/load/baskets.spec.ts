import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAX_LINES, SKU_PATTERN } from '@atlas/contracts';
import fc from 'fast-check';
import { type Basket, isSkipped, readBaskets, type SkippedLine, skuOf } from './baskets';

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'baskets-'))));
afterAll(() => rm(folder, { recursive: true }));

async function read(content: string | Buffer): Promise<{ baskets: Basket[]; skipped: SkippedLine[] }> {
  const path = join(folder, 'baskets.csv');
  await writeFile(path, content);
  const lines = await collect(readBaskets(path));
  return {
    baskets: lines.filter((line): line is Basket => !isSkipped(line)),
    skipped: lines.filter(isSkipped),
  };
}

async function collect<T>(all: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const one of all) collected.push(one);
  return collected;
}

/** Item names with their quantities, as one word each: `milk` or `milk×2`. */
const contents = (basket: Basket | undefined) =>
  basket?.items.map(({ name, quantity }) => (quantity === 1 ? name : `${name}×${quantity}`));

describe('A file of baskets', () => {
  it('has a basket of item names on each line', async () => {
    const { baskets, skipped } = await read('whole milk,rolls/buns\nsoda\n');
    expect(baskets).toEqual([
      {
        line: 1,
        items: [
          { sku: 'whole-milk', name: 'whole milk', quantity: 1 },
          { sku: skuOf('rolls/buns'), name: 'rolls/buns', quantity: 1 },
        ],
      },
      { line: 2, items: [{ sku: 'soda', name: 'soda', quantity: 1 }] },
    ]);
    expect(skipped).toEqual([]);
  });

  it('says how many of an item by naming it again', async () => {
    const { baskets } = await read('soda,beer,soda, soda ');
    expect(baskets.map(contents)).toEqual([['soda×3', 'beer']]);
  });

  it('may quote names that hold a comma or a quote', async () => {
    const { baskets } = await read('"milk, whole", "6"" pan" ,soda');
    expect(baskets.map(contents)).toEqual([['milk, whole', '6" pan', 'soda']]);
  });

  it('may come from Windows, with a byte order mark and CRLF', async () => {
    const { baskets, skipped } = await read('\ufeffsoda,beer\r\n"milk"\r\n');
    expect(baskets.map(contents)).toEqual([['soda', 'beer'], ['milk']]);
    expect(skipped).toEqual([]);
  });

  it('may end without a line feed', async () => {
    const { baskets } = await read('soda\nbeer');
    expect(baskets.map(contents)).toEqual([['soda'], ['beer']]);
  });

  it('loses nothing but a line that can not be read, and says which and why', async () => {
    const tooMany = Array.from({ length: 5_000 }, (_, n) => `item ${n}`).join(',');
    const { baskets, skipped } = await read(
      Buffer.concat([
        Buffer.from('first\n'),
        Buffer.from('\n'),
        Buffer.from(' , ,,\n'),
        Buffer.from('caf\xe9,soda\n', 'latin1'),
        Buffer.from('so\0da\n'),
        Buffer.from('"never closed,soda\n'),
        Buffer.from('so"da",beer\n'),
        Buffer.from(`${tooMany}\n`),
        Buffer.from(`${'x'.repeat(201)},soda\n`),
        Buffer.from(`${'soda,'.repeat(10_001)}beer\n`),
        Buffer.from(`${'x'.repeat(3_000_000)}\n`),
        Buffer.from('last, ,\n'),
      ]),
    );
    expect(skipped).toEqual([
      { line: 2, reason: 'is empty' },
      { line: 3, reason: 'names no item' },
      { line: 4, reason: 'is not UTF-8' },
      { line: 5, reason: 'has control characters' },
      { line: 6, reason: 'opens a quote and does not close it' },
      { line: 7, reason: 'has a misplaced quote' },
      { line: 8, reason: `names 5000 different items; an order has at most ${MAX_LINES}` },
      { line: 9, reason: 'names an item with more than 200 characters' },
      { line: 10, reason: 'asks for 10001 of one item; an order has at most 10000' },
      { line: 11, reason: 'is longer than 1048576 bytes' },
    ]);
    expect(baskets.map(({ line }) => line)).toEqual([1, 12]);
    expect(baskets.map(contents)).toEqual([['first'], ['last']]);
  });

  it('in Latin-1 still gives the baskets that are plain ASCII', async () => {
    const { baskets, skipped } = await read(Buffer.from('soda\nKäse\nbeer\n', 'latin1'));
    expect(baskets.map(contents)).toEqual([['soda'], ['beer']]);
    expect(skipped).toEqual([{ line: 2, reason: 'is not UTF-8' }]);
  });

  it('is read as a stream: lines that cross the chunks stay whole', async () => {
    const line = `${'a'.repeat(99)},${'b'.repeat(99)}`;
    const { baskets } = await read(`${line}\n`.repeat(10_000));
    expect(baskets).toHaveLength(10_000);
    expect(new Set(baskets.map((basket) => contents(basket)?.join()))).toEqual(new Set([line]));
  });

  it('gives back any baskets that were written as CSV', async () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
      .filter((text) => !/[\0-\x1f\x7f\ufeff]/.test(text))
      .map((text) => text.normalize('NFC').replace(/\s+/gu, ' ').trim())
      .filter((text) => text !== '');
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(name, { minLength: 1, maxLength: 8 }), { minLength: 1 }),
        async (written) => {
          const { baskets, skipped } = await read(
            written.map((names) => names.map(quoted).join(',')).join('\n'),
          );
          expect(skipped).toEqual([]);
          expect(
            baskets.map((basket) =>
              basket.items.flatMap((item) => Array<string>(item.quantity).fill(item.name)).sort(),
            ),
          ).toEqual(written.map((names) => [...names].sort()));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('A file that is none', () => {
  const refusal = async (path: string) => {
    try {
      await collect(readBaskets(path));
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error('it was read');
  };

  it.each([
    ['is missing', () => Promise.resolve(join(folder, 'nowhere.csv')), 'does not exist; check the path.'],
    [
      'is a folder',
      () => Promise.resolve(folder),
      'is a folder; give a file with a basket of item names on each line.',
    ],
    [
      'is empty',
      () => file('empty.csv', ''),
      'is empty; give a file with a basket of item names on each line.',
    ],
    ['is UTF-16', () => file('utf16.csv', '\ufeffsoda', 'utf16le'), 'is UTF-16; save it as UTF-8.'],
    [
      'is a device',
      () => Promise.resolve('/dev/null'),
      'is no plain file; it is read twice, so save it as a file first.',
    ],
  ])('is refused with a sentence when it %s', async (_, make, sentence) => {
    const path = await make();
    expect(await refusal(path)).toBe(`${path} ${sentence}`);
  });

  // Root may read everything.
  (process.getuid?.() === 0 ? it.skip : it)(
    'is refused with a sentence when it may not be read',
    async () => {
      const path = await file('secret.csv', 'soda');
      await chmod(path, 0o000);
      expect(await refusal(path)).toBe(`${path} may not be read by this user.`);
    },
  );

  async function file(name: string, text: string, encoding: BufferEncoding = 'utf8'): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, Buffer.from(text, encoding));
    return path;
  }
});

describe('The SKU of an item', () => {
  it('is its name where that can be read as a slug', () => {
    expect(skuOf('whole milk')).toBe('whole-milk');
  });

  it('fits everywhere and is its own for every name', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }), { maxLength: 50 }),
        (names) => {
          const skus = names.map(skuOf);
          expect(new Set(skus).size).toBe(names.length);
          for (const sku of skus) expect(sku).toMatch(SKU_PATTERN);
        },
      ),
    );
    const alike = ['whole milk', 'whole-milk', 'Whole milk', 'whole/milk', 'whole  milk', 'whole milk.'];
    expect(new Set(alike.map(skuOf)).size).toBe(alike.length);
  });
});
