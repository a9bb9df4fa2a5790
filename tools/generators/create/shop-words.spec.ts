import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { shopWords } from './shop-words';

const LIBS = join(__dirname, '../../../libs');

function sourcesOf(library: string): readonly string[] {
  return readdirSync(join(LIBS, library), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(library, file));
}

describe('The platform', () => {
  it.each(['kernel', 'events', 'context', 'ports', 'adapters', 'resilience', 'service', 'testing'])(
    'does not know the shop: libs/%s has none of its words',
    (library) => {
      const sources = sourcesOf(library);
      expect(sources).toContainEqual(expect.stringMatching(/index\.ts$/));
      const found = sources.map((file) => [file, shopWords(readFileSync(join(LIBS, file), 'utf8'))] as const);
      expect(found.filter(([, lines]) => lines.length > 0)).toEqual([]);
    },
  );

  it('could not hide that it does: the same check finds the words of the shop in its contracts', () => {
    const events = readFileSync(join(LIBS, 'contracts/src/orders.ts'), 'utf8');
    expect(shopWords(events).length).toBeGreaterThan(10);
  });

  it.each([
    'const sku = 1;',
    'const bySku = 1;',
    'call({ paymentToken });',
    'interface Line { orderId: string }',
    "publish('lending.events', 'order-placed');",
    'query(`SELECT * FROM stock_item`);',
    '/** Every customer. */',
  ])('would be found out by %s', (line) => {
    expect(shopWords(`\n  ${line}\n`)).toEqual([`2: ${line}`]);
  });

  it.each([
    'rows.sort((a, b) => order(a, b)); // in order',
    "query('SELECT 1 ORDER BY id');",
    'const inOrder = 1;',
  ])('may say %s', (line) => {
    expect(shopWords(line)).toEqual([]);
  });
});
