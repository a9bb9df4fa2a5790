import { coffeeSchema } from '../../../../test/builders';
import type { AttributesSchema, TextSchema } from '../../../domain/attributes-schema';
import { AjvAttributeChecker } from './ajv-attribute-checker';

describe("Ajv's attribute checker", () => {
  const checker = new AjvAttributeChecker();
  const withText = (schema: Omit<TextSchema, 'type'>): AttributesSchema => ({
    type: 'object',
    properties: { text: { type: 'string', ...schema } },
    additionalProperties: false,
  });

  it('accepts what the schema allows', () => {
    const attributes = {
      roast: 'dark',
      grams: 1,
      organic: true,
      origins: ['Peru'],
      size: { width: 1.5 },
      code: 'KE-1',
    };
    expect(checker.flawsIn(attributes, coffeeSchema)).toEqual([]);
  });

  it('names every wrong attribute, and says what is wrong', () => {
    const attributes = { grams: 0, origins: ['Peru', 7], size: { depth: 1 }, code: 'ke', constructor: 'x' };
    const flaws = checker.flawsIn(attributes, coffeeSchema);
    expect(Object.fromEntries(flaws.map(({ path, detail }) => [path.join('/'), detail]))).toEqual({
      roast: 'It is missing; the category requires it.',
      grams: 'It must be >= 1.',
      'origins/1': 'It must be string.',
      'size/depth': 'The category has no such attribute.',
      code: expect.stringContaining('must match pattern'),
      constructor: 'The category has no such attribute.',
    });
    expect(checker.flawsIn({ roast: 'burnt' }, coffeeSchema)).toEqual([
      { path: ['roast'], detail: 'It must be one of light, medium, dark.' },
    ]);
  });

  it('does not take what every object inherits for an attribute', () => {
    const text = { type: 'string' } as const;
    const schema: AttributesSchema = {
      type: 'object',
      properties: Object.fromEntries(['constructor', 'valueOf'].map((name) => [name, text])),
      required: ['constructor'],
      additionalProperties: false,
    };
    expect(checker.flawsIn({}, schema)).toEqual([expect.objectContaining({ path: ['constructor'] })]);
    expect(checker.flawsIn({ constructor: 'x' }, schema)).toEqual([]);
  });

  it.each(['(', 'a{1000}{1000}', '((a{100}){100}){100}', '(?=a)', '(a)\\1', '\\q'])(
    'refuses the pattern %s, and says where it is',
    (pattern) => {
      expect(checker.flawsOf(withText({ pattern }))).toEqual([
        { path: ['properties', 'text', 'pattern'], detail: expect.stringContaining('RE2') },
      ]);
    },
  );

  it('finds a wrong pattern in lists and groups', () => {
    const wrong: TextSchema = { type: 'string', pattern: '(' };
    const group = {
      type: 'object',
      properties: { inner: { type: 'array', items: wrong } },
      additionalProperties: false,
    } as const;
    const schema: AttributesSchema = { type: 'object', properties: { group }, additionalProperties: false };
    expect(checker.flawsOf(schema)).toMatchObject([
      { path: ['properties', 'group', 'properties', 'inner', 'items', 'pattern'] },
    ]);
  });

  it('takes a pattern that would explode in linear time', () => {
    const schema = withText({ pattern: '^(([a-z])+.)+[A-Z]([a-z])+$' });
    expect(checker.flawsOf(schema)).toEqual([]);
    const begun = performance.now();
    expect(checker.flawsIn({ text: 'a'.repeat(1_000) }, schema)).toHaveLength(1);
    // JavaScript's own engine would take longer than the universe is old.
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it('is of no use to Ajv itself if a keyword is none', () => {
    expect(checker.flawsOf(withText({ maxLength: -1 }))).toMatchObject([
      { path: ['properties', 'text', 'maxLength'] },
    ]);
  });

  it('keeps only the schemas that were used last', () => {
    for (let index = 0; index < 500; index++) {
      expect(checker.flawsIn({ text: 'x' }, withText({ description: `The ${index}th` }))).toEqual([]);
    }
    const { compiled } = checker as unknown as { compiled: ReadonlyMap<string, unknown> };
    expect(compiled.size).toBe(200);
    expect([...compiled.keys()].at(-1)).toContain('The 499th');
  });
});
