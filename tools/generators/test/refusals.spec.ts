import type { Tree } from '@nx/devkit';
import { command, consumer, context, query, remove } from '../src';
import { ROOT } from './copy';
import { MemoryTree } from './memory-tree';

/** What a generator says when it refuses; Nx writes nothing then. */
const refusal = (run: (tree: Tree) => Promise<unknown>): Promise<string> =>
  run(new MemoryTree(ROOT).asTree()).then(
    () => 'nothing',
    (error: Error) => `${error.name}: ${error.message}`,
  );

describe('A new context is refused, with a sentence,', () => {
  it.each<[string, string, string]>([
    [
      'in upper case',
      'Shipping',
      '"Shipping" can\'t be the name of a context: use at most 40 lower-case letters',
    ],
    ['with a space', 'ship ping', 'such as "shipping".'],
    ['with an underscore', 'ship_ping', 'such as "shipping".'],
    ['that begins with a digit', '3pl', 'such as "shipping".'],
    ['with a path', '../shipping', 'such as "shipping".'],
    ['that is too long', 'x'.repeat(41), 'use at most 40'],
    ['without a name', '', 'such as "shipping".'],
    ['that exists', 'orders', 'There is an app "orders" already'],
    ['that is the relay', 'outbox-relay', 'There is an app "outbox-relay" already'],
    ['called as a relay', 'shipping-relay', 'a process, a project or a part of the platform is called so'],
    ['called as the broker', 'kafka', 'a part of the platform is called so'],
    ['called as the database', 'postgres', 'a part of the platform is called so'],
    ['called as the job for databases', 'databases', 'a part of the platform is called so'],
    ['called as the database of the log', 'event-log', 'a part of the platform is called so'],
    ['called as a library', 'contracts', 'a project'],
    ['called as a tool', 'simulate', 'a project'],
    ['that differs from another in number only', 'order', 'would differ in number only'],
    ['that is plural where another is singular', 'inventories', 'would differ in number only'],
    ['whose file of contracts exists', 'catalogue', 'libs/contracts/src/catalogue.ts exists already'],
    ['that is a word of TypeScript', 'class', '"class" is a word of TypeScript'],
  ])('%s', async (_, name, sentence) => {
    const said = await refusal((tree) => context(tree, { name }));
    expect(said).toContain('Refusal: ');
    expect(said).toContain(sentence);
  });

  it.each<[string, string, string]>([
    ['is a word of TypeScript', 'return', '"return" is a word of TypeScript'],
    ['is plural', 'shipments', 'it must be singular'],
    ['has no plural', 'equipment', 'differ from its plural'],
    ['is in upper case', 'Shipment', 'such as "shipment"'],
    ['has a table in another context', 'price', 'has a table "price" already'],
    ['has a table of the platform', 'dead-letter', 'has a table "dead_letter" already'],
    ['means something else to the code', 'clock', 'uses the name "Clock" for something else'],
    ['means something else to JavaScript', 'date', 'uses the name "Date" for something else'],
  ])('whose aggregate %s', async (_, aggregate, sentence) => {
    const said = await refusal((tree) => context(tree, { name: 'shipping', aggregate }));
    expect(said).toContain('Refusal: ');
    expect(said).toContain(sentence);
  });

  it.each<[string, string]>([
    ['orders.order-lost', 'No context publishes an event "orders.order-lost": there are '],
    ['nonsense', 'No context publishes an event "nonsense"'],
    ['orders.order-placed,nobody.knows', 'No context publishes an event "nobody.knows"'],
  ])('if it listens to %s', async (listens, sentence) => {
    expect(await refusal((tree) => context(tree, { name: 'shipping', listens }))).toContain(sentence);
  });
});

describe('A context is not removed, and a sentence says why,', () => {
  it.each<[string, string, string]>([
    ['if there is none', 'shipping', 'There is no context "shipping": there are '],
    ['if others listen to it', 'orders', "orders can't be removed: "],
    ['if it is no context', 'outbox-relay', 'There is no context "outbox-relay"'],
  ])('%s', async (_, name, sentence) => {
    expect(await refusal((tree) => remove(tree, { name }))).toContain(sentence);
  });
});

describe('A consumer is refused, with a sentence,', () => {
  it.each<[string, { context: string; event: string }, string]>([
    ['of nobody', { context: 'shipping', event: 'orders.order-placed' }, 'There is no context "shipping"'],
    [
      'of its own events',
      { context: 'orders', event: 'orders.order-placed' },
      'is an event of orders itself',
    ],
    [
      'that is there already',
      { context: 'inventory', event: 'orders.order-placed' },
      'inventory listens to orders.order-placed already',
    ],
    [
      'where no aggregate can be opened',
      { context: 'inventory', event: 'orders.order-payment-due' },
      'inventory has no aggregate that an event could open',
    ],
  ])('%s', async (_, options, sentence) => {
    expect(await refusal((tree) => consumer(tree, options))).toContain(sentence);
  });
});

describe('An event that nobody listens to', () => {
  const contract = 'libs/contracts/src/inventory.ts';

  it('says so in its contract until a context listens, and again when that is removed', async () => {
    const tree = new MemoryTree(ROOT);
    const reasons = () => (tree.read(contract)?.match(/unconsumed:/g) ?? []).length;
    const before = reasons();
    expect(before).toBeGreaterThan(0);
    await context(tree.asTree(), { name: 'shipping', listens: 'inventory.stock-committed' });
    expect(reasons()).toBe(before - 1);
    await remove(tree.asTree(), { name: 'shipping' });
    expect(reasons()).toBe(before);
    expect(tree.exists('apps/shipping')).toBe(false);
  });
});

describe('A use case is refused, with a sentence,', () => {
  it.each<[string, { context: string; name: string }, string]>([
    ['without its aggregate', { context: 'orders', name: 'archive' }, 'it is a verb and the aggregate'],
    ['in no style of ours', { context: 'orders', name: 'archiveOrder' }, "can't be the name of a"],
    [
      'of an aggregate that is not opened as generated ones are',
      { context: 'orders', name: 'archive-order' },
      'order in orders has no method "static open"',
    ],
  ])('%s', async (_, options, sentence) => {
    expect(await refusal((tree) => command(tree, options))).toContain(sentence);
    expect(await refusal((tree) => query(tree, options))).toContain(sentence);
  });

  it('whose name is taken', async () => {
    expect(await refusal((tree) => command(tree, { context: 'orders', name: 'cancel-order' }))).toContain(
      'apps/orders/src/application/commands/cancel-order.ts exists already',
    );
  });
});
