import axe from 'axe-core';
import { JSDOM } from 'jsdom';
import { compare } from '../../comparison';
import { openContexts } from '../../model/read-context';
import { printHtml } from './page';

/** What this uses of axe in the page; its types are those of a browser. */
interface Axe {
  run(options: object): Promise<{
    readonly violations: readonly {
      readonly id: string;
      readonly nodes: readonly { readonly html: string }[];
    }[];
    readonly passes: readonly unknown[];
  }>;
}

const contexts = openContexts();

const pageOf = async (left: string, right: string): Promise<JSDOM> => {
  const comparison = compare(await contexts.read(left), await contexts.read(right));
  const text = printHtml(comparison, await contexts.readAll(), contexts.workspace);
  return new JSDOM(text, { runScripts: 'outside-only' });
};

describe('The page of a comparison', () => {
  it('has no violation that axe finds without a screen', async () => {
    const { window } = await pageOf('payments', 'payment-provider');
    for (const details of window.document.querySelectorAll('details')) details.open = true;
    // In jsdom axe takes long for each element and each rule of style. Without layout, style means nothing to it; and of
    // the rows of a section some stand for all.
    for (const style of window.document.querySelectorAll('style')) style.remove();
    for (const code of window.document.querySelectorAll('pre code')) code.innerHTML = 'code';
    for (const row of window.document.querySelectorAll('.row:nth-of-type(n + 4)')) row.remove();
    window.eval(axe.source);
    const { violations, passes } = await (window as unknown as { axe: Axe }).axe.run({
      // They need a layout, which a browser alone has.
      rules: { 'color-contrast': { enabled: false }, 'target-size': { enabled: false } },
    });
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    expect(passes.length).toBeGreaterThan(15);
  });

  it('needs no script and no other file', async () => {
    const { window } = await pageOf('orders', 'inventory');
    const { document } = window;
    expect(document.querySelectorAll('script, link, img, iframe')).toHaveLength(0);
    expect(document.documentElement.outerHTML).not.toMatch(/url\((?!#)|https?:/);
  });

  it('opens the code of both sides in each row', async () => {
    const { window } = await pageOf('orders', 'inventory');
    const row = [...window.document.querySelectorAll('details.row')].find((each) =>
      each.querySelector('.name')?.textContent?.includes('OrderRepository'),
    );
    const code = [...(row?.querySelectorAll('pre') ?? [])].map((each) => each.textContent ?? '');
    expect(code).toEqual([
      expect.stringContaining('export abstract class OrderRepository'),
      expect.stringContaining('export abstract class ReservationRepository'),
    ]);
    expect(row?.querySelectorAll('pre .hljs-keyword').length).toBeGreaterThan(4);
  });

  it('draws every context, every state and every port', async () => {
    const { window } = await pageOf('orders', 'payments');
    const textOf = (id: string) => window.document.getElementById(id)?.closest('svg')?.textContent ?? '';
    const [orders, payments] = [await contexts.read('orders'), await contexts.read('payments')];
    for (const name of contexts.names) expect(textOf('context-map-title')).toContain(name);
    for (const { name } of payments.aggregates[0]?.states ?? []) {
      expect(textOf('states-payments-Payment-title')).toContain(name);
    }
    for (const { name } of orders.ports) expect(textOf('hexagon-orders-title')).toContain(name);
  });
});
