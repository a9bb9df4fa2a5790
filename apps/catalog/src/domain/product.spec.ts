import { Money } from '@atlas/kernel';
import { Product, type ProductChange, type ProductDraft } from './product';

const at = new Date('2026-01-01T10:00:00Z');
const later = new Date('2026-01-02T10:00:00Z');

const coffee = (changes: Partial<ProductDraft> = {}): ProductDraft => ({
  category: 'coffee',
  name: 'Kenya AA',
  description: 'Bright, with blackcurrant',
  price: Money.of(1_450),
  attributes: { roast: 'light', grams: 500, origins: ['Kenya'] },
  ...changes,
});

describe('A product', () => {
  const listed = Product.list('kenya-aa', coffee(), at).next;
  const typesOf = ({ events }: ProductChange) => events.map(({ type }) => type);

  it('is for sale once it is listed', () => {
    const { next, events } = Product.list('kenya-aa', coffee(), at);
    expect(next.snapshot()).toEqual({
      ...coffee(),
      sku: 'kenya-aa',
      status: 'listed',
      version: 1,
      listedAt: at,
      changedAt: at,
    });
    expect(events).toEqual([
      { type: 'product-listed', name: 'Kenya AA', category: 'coffee', price: Money.of(1_450) },
    ]);
  });

  it('stays as it is if the draft says nothing new, in whatever order', () => {
    const { origins, grams, roast } = coffee().attributes as Record<string, string>;
    const change = listed.revise(
      coffee({ attributes: { origins: origins!, roast: roast!, grams: grams! } }),
      later,
    );
    expect(change).toEqual({ next: listed, events: [] });
    expect(change.next).toBe(listed);
  });

  it.each([
    ['name', { name: 'Kenya AB' }],
    ['description', { description: '' }],
    ['category', { category: 'tea' }],
    ['attributes', { attributes: { roast: 'dark' } }],
    ['one entry of an attribute', { attributes: { ...coffee().attributes, origins: ['Kenya', 'Peru'] } }],
  ])('is revised if its %s changes, and keeps its price', (_, changes) => {
    const change = listed.revise(coffee(changes), later);
    expect(change.next.snapshot()).toMatchObject({ ...changes, version: 2, listedAt: at, changedAt: later });
    expect(typesOf(change)).toEqual(['product-revised']);
  });

  it('tells a new price and the one before', () => {
    const { next, events } = listed.revise(coffee({ price: Money.of(990) }), later);
    expect(next.snapshot()).toMatchObject({ price: Money.of(990), version: 2 });
    expect(events).toEqual([{ type: 'price-changed', price: Money.of(990), was: Money.of(1_450) }]);
  });

  it('counts each of several events in its version', () => {
    const change = listed.revise(coffee({ name: 'Kenya', price: Money.of(990) }), later);
    expect(typesOf(change)).toEqual(['product-revised', 'price-changed']);
    expect(change.next.version).toBe(3);
  });

  it('is retired once', () => {
    const { next, events } = listed.retire(later);
    expect(next.snapshot()).toEqual({
      ...listed.snapshot(),
      status: 'retired',
      version: 2,
      changedAt: later,
    });
    expect(events).toEqual([{ type: 'product-retired' }]);
    expect(next.retire(later)).toEqual({ next, events: [] });
  });

  it('can be listed again, and tells its price anew even if that is the same', () => {
    const { next: retired } = listed.retire(later);
    expect(retired.is(coffee())).toBe(false);
    const again = retired.revise(coffee(), later);
    expect(again.next.snapshot()).toMatchObject({ status: 'listed', version: 3, listedAt: at });
    expect(typesOf(again)).toEqual(['product-listed']);
  });
});
