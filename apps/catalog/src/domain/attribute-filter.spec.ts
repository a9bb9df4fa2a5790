import { filterFor, filterWithin } from './attribute-filter';
import type { AttributesSchema } from './attributes-schema';

const coffeeSchema: AttributesSchema = {
  type: 'object',
  properties: {
    roast: { type: 'string', enum: ['light', 'dark'] },
    grams: { type: 'integer', minimum: 1 },
    organic: { type: 'boolean' },
    origins: { type: 'array', items: { type: 'string' } },
    size: {
      type: 'object',
      properties: { width: { type: 'number' }, height: { type: 'number' } },
      additionalProperties: false,
    },
    code: { type: 'string' },
  },
  additionalProperties: false,
};

const wanted = (name: string, text: string) => ({ path: name.split('.'), text });

describe('A filter by an attribute', () => {
  it.each([
    ['roast', 'dark', { roast: 'dark' }],
    ['grams', '500', { grams: 500 }],
    ['organic', 'false', { organic: false }],
    ['origins', 'Kenya', { origins: ['Kenya'] }],
    ['size.width', '2.5', { size: { width: 2.5 } }],
    ['code', '500', { code: '500' }],
  ])('looks for what the schema says %s is: %s', (name, text, part) => {
    expect(filterWithin(coffeeSchema, wanted(name, text))).toEqual([part]);
  });

  it.each([
    [
      'colour',
      'red',
      /no attribute "colour".*roast, grams, organic, origins, size\.width, size\.height, code/,
    ],
    ['size', '3', /no attribute "size"/],
    ['size.depth', '3', /no attribute "size\.depth"/],
    ['roast.dark', '3', /no attribute "roast\.dark"/],
    ['constructor', 'x', /no attribute "constructor"/],
    ['grams', 'heavy', /"grams" must be of the type integer, and "heavy" is not/],
    ['grams', '0x10', /"grams"/],
    ['organic', 'yes', /"organic"/],
  ])('refuses %s:%s with a sentence', (name, text, sentence) => {
    expect(filterWithin(coffeeSchema, wanted(name, text))).toMatch(sentence);
  });

  it('says so if a category has no attributes at all', () => {
    expect(filterWithin({ ...coffeeSchema, properties: {} }, wanted('roast', 'dark'))).toContain(
      'it has none',
    );
  });

  it('looks for every type that the value may have, if the category is open', () => {
    expect(filterFor(wanted('roast', 'dark'))).toEqual([{ roast: 'dark' }, { roast: ['dark'] }]);
    expect(filterFor(wanted('grams', '500'))).toEqual([
      { grams: '500' },
      { grams: ['500'] },
      { grams: 500 },
      { grams: [500] },
    ]);
    expect(filterFor(wanted('size.flat', 'true'))).toContainEqual({ size: { flat: true } });
  });
});
