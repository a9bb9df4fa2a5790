import { render } from './render';
import { articleOf, pluralOf, singularOf, wordsOf } from './words';

describe('A name', () => {
  it('is spelled as each place wants it', () => {
    expect(wordsOf('support-case')).toEqual({
      kebab: 'support-case',
      camel: 'supportCase',
      pascal: 'SupportCase',
      constant: 'SUPPORT_CASE',
      snake: 'support_case',
      prose: 'support case',
      title: 'Support case',
    });
  });

  it.each([
    ['shipment', 'shipments'],
    ['delivery', 'deliveries'],
    ['box', 'boxes'],
    ['return-address', 'return-addresses'],
    ['person', 'people'],
  ])('%s has the plural %s, and the reverse', (singular, plural) => {
    expect([pluralOf(singular), singularOf(plural)]).toEqual([plural, singular]);
  });

  it.each([
    ['order', 'an'],
    ['shipment', 'a'],
    ['invoice', 'an'],
    ['unit', 'a'],
    ['upgrade', 'an'],
    ['user', 'a'],
  ])('%s has the article %s', (name, article) => {
    expect(articleOf(name)).toBe(article);
  });
});

describe('The template', () => {
  const replacements = [
    { from: 'help-desk', to: 'returns' },
    { from: 'support-case', to: 'item-return', plural: true, snake: 'item_returns' },
  ];

  it('is renamed in every spelling, the plural, too', () => {
    const text =
      'help-desk HelpDeskModule helpDeskApp supportCases openSupportCaseBody SUPPORT_CASE_STATUSES support-cases support_case';
    expect(render(text, replacements)).toBe(
      'returns ReturnsModule returnsApp itemReturns openItemReturnBody ITEM_RETURN_STATUSES item-returns item_returns',
    );
  });

  it('reads well: the article fits', () => {
    expect(render('A support case is a support case of a help desk.', replacements)).toBe(
      'An item return is an item return of a returns.',
    );
  });
});
