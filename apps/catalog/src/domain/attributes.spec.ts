import { contains, isSame } from './attributes';

describe('Attributes', () => {
  const document = { roast: 'dark', grams: 500, origins: ['Kenya', 'Peru'], size: { width: 3 } };

  it('are the same whatever the order of their names', () => {
    expect(isSame({ a: 1, b: { c: [1, 2] } }, { b: { c: [1, 2] }, a: 1 })).toBe(true);
  });

  it.each<[string, unknown, unknown]>([
    ['a value', { a: 1 }, { a: 2 }],
    ['a type', { a: 1 }, { a: '1' }],
    ['a name', { a: 1 }, { b: 1 }],
    ['one name more', { a: 1 }, { a: 1, b: 1 }],
    ['the order of a list', { a: [1, 2] }, { a: [2, 1] }],
    ['a list and a group', { a: [] }, { a: {} }],
    ['a name that every object inherits', { constructor: 'x' }, { toString: 'x' }],
  ])('differ by %s', (_, a, b) => {
    expect(isSame(a, b)).toBe(false);
    expect(isSame(b, a)).toBe(false);
  });

  it.each<[object, boolean]>([
    [{}, true],
    [{ roast: 'dark' }, true],
    [{ origins: ['Peru'] }, true],
    [{ size: { width: 3 } }, true],
    [{ grams: 500, roast: 'dark' }, true],
    [{ grams: '500' }, false],
    [{ origins: ['Chile'] }, false],
    [{ origins: 'Peru' }, false],
    [{ size: { height: 3 } }, false],
    [{ toString: {} }, false],
  ])('contain %j: %s', (part, expected) => {
    expect(contains(document, part)).toBe(expected);
  });
});
