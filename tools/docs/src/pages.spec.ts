import { WrittenPages } from './pages';
import { fieldRows, table } from './reference/markdown';

describe('A page of the repository on the site', () => {
  const relinked = (text: string, file = 'docs/adr/0001-x.md', path = 'adr/0001-x.md') => {
    const pages = new WrittenPages();
    return { text: pages.relink(text, file, path), linked: [...pages.linked] };
  };

  it('links to other pages where they are there', () => {
    expect(relinked('[g](../guarantees.md#the-business)').text).toBe('[g](../guarantees.md#the-business)');
    expect(relinked('[a](adr/README.md)', 'docs/tests.md', 'tests.md').text).toBe('[a](./adr/index.md)');
    expect(relinked('[r](../README.md)', 'docs/start.md', 'start.md').text).toBe('[r](./overview.md)');
    expect(relinked('[k](../deploy/k8s/)', 'docs/start.md', 'start.md').text).toBe(
      '[k](./deploy/k8s/index.md)',
    );
  });

  it('links to code on a page of its own, which is made', () => {
    const path = 'libs/kernel/src/money.ts';
    expect(relinked(`[money](../../${path})`)).toEqual({
      text: `[money](/code/${path}.html){target="_self"}`,
      linked: [path],
    });
    expect(relinked(`see \`${path}\``).text).toBe(`see [\`${path}\`](/code/${path}.html){target="_self"}`);
    expect(relinked('[kernel](../../libs/kernel/)').text).toContain('(/code/libs/kernel/index.html)');
  });

  it('leaves fences, other sites and what does not exist as they are', () => {
    const text =
      '[x](https://example.org) `libs/nowhere.ts` `apps/<context>/src`\n\n```\n[y](nowhere.md)\n```\n';
    expect(relinked(text)).toEqual({ text, linked: [] });
  });

  it('is refused with a link that leads nowhere', () => {
    expect(() => relinked('[x](../nowhere.md)')).toThrow(
      'docs/adr/0001-x.md links to ../nowhere.md, which is not there: correct the link.',
    );
  });
});

describe('The fields of a schema', () => {
  it('are listed with those of objects in them', () => {
    const money = {
      type: 'object',
      properties: { minorUnits: { type: 'integer', minimum: 0 } },
      required: ['minorUnits'],
    };
    const lines = { type: 'array', items: { $ref: '#/money' }, description: 'What was bought' };
    expect(
      fieldRows({ type: 'object', properties: { lines } }, (schema) => (schema.$ref ? money : schema)),
    ).toEqual([
      ['`lines`', 'list of object', 'no', 'What was bought'],
      ['`lines[].minorUnits`', 'integer', 'yes', 'minimum `0`'],
    ]);
  });

  it('fit into a table', () => {
    expect(table(['a'], [['x | y\nz']])).toBe('| a |\n| --- |\n| x \\| y z |');
  });
});
