import { join } from 'node:path';
import type { EventContract } from '@atlas/events';
import { RULES } from './rules';
import { Workspace } from './workspace';

const workspace = Workspace.read(join(__dirname, '../../..'));

/** Replaces a text that must be there. */
const replace =
  (from: string | RegExp, to: string) =>
  (text: string): string => {
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`Nothing is like ${String(from)}`);
    return changed;
  };

const append = (line: string) => (text: string) => `${text}\n${line}\n`;

const edit = (path: string, change: (text: string) => string | undefined) => (whole: Workspace) => {
  if (!whole.has(path)) throw new Error(`There is no file ${path}`);
  return whole.with(path, change);
};

const add = (path: string, text: string) => (whole: Workspace) => {
  if (whole.has(path)) throw new Error(`There is a file ${path}`);
  return whole.with(path, () => text);
};

const contract = (name: string, change: (contract: EventContract) => EventContract) => (whole: Workspace) =>
  whole.withContracts((contracts) => ({ ...contracts, [name]: change(contracts[name] as EventContract) }));

/** What breaks a rule, and what it must say then. */
type Breach = readonly [what: string, alter: (whole: Workspace) => Workspace, sentence: string];

const PLACE_ORDER = 'apps/orders/src/application/commands/place-order.ts';
const ORDERS = 'apps/orders/src/adapters/driving/http/orders.controller.ts';
const STATEMENT = 'apps/payments/src/adapters/driven/postgres/statement.repository.ts';

const NEXT_MIGRATION = 'apps/orders/src/adapters/driven/postgres/migrations/2-gifts.ts';

const BREACHES: Readonly<Record<string, readonly Breach[]>> = {
  'Contexts import nothing of each other': [
    [
      'an import',
      edit(PLACE_ORDER, append("import '../../../../inventory/src/domain/stock';")),
      `${PLACE_ORDER} imports apps/inventory/src/domain/stock: contexts share nothing but events. Consume the events of ` +
        'inventory, or move what both need to libs/.',
    ],
    [
      'a type',
      edit(
        PLACE_ORDER,
        append("export type Foreign = import('../../../../inventory/src/domain/stock').Stock;"),
      ),
      `${PLACE_ORDER} imports apps/inventory/src/domain/stock: contexts share nothing but events.`,
    ],
    [
      'a test that imports',
      edit('apps/orders/test/orders.spec.ts', append("import '../../payments/src/domain/payment';")),
      'apps/orders/test/orders.spec.ts imports apps/payments/src/domain/payment: contexts share nothing but events.',
    ],
  ],
  'Apps import by declarations, which lint sees': [
    [
      'import()',
      edit(PLACE_ORDER, append("void import('typeorm');")),
      `${PLACE_ORDER} loads "typeorm" with import() or require(), which the import rules don't see: write it as an ` +
        'import declaration.',
    ],
    [
      'require()',
      edit(PLACE_ORDER, append("const orm = require('typeorm');")),
      `${PLACE_ORDER} loads "typeorm" with import() or require()`,
    ],
    [
      'a comment for lint',
      edit(PLACE_ORDER, (text) => `/* eslint-disable no-restricted-imports */\n${text}`),
      `${PLACE_ORDER} switches lint rules off: remove the comment.`,
    ],
  ],
  'Contexts call no other over HTTP': [
    [
      'a client in a context that calls nobody',
      edit(PLACE_ORDER, append("import { request } from 'undici';")),
      `${PLACE_ORDER} calls others over HTTP with "undici", but apps/orders/context.json names no company outside: ` +
        'contexts talk through events alone. Consume events instead.',
    ],
    [
      'fetch()',
      edit(PLACE_ORDER, append("void fetch('http://inventory');")),
      `${PLACE_ORDER} calls others over HTTP with fetch()`,
    ],
    [
      'globalThis.fetch()',
      edit(PLACE_ORDER, append("void globalThis.fetch('http://inventory');")),
      `${PLACE_ORDER} calls others over HTTP with fetch()`,
    ],
    [
      'the URL of another context',
      edit('apps/payments/context.json', replace('"urlOf": "payment-provider"', '"urlOf": "orders"')),
      'apps/payments/context.json gives payments the URL of orders in PROVIDER_URL: contexts talk through events alone. ' +
        'Consume the events that it needs and keep its own copy; only a company outside ("kind": "outside") is called.',
    ],
    [
      'a client outside of a driven adapter',
      edit(
        'apps/payments/src/application/commands/settle-payment.ts',
        append("void fetch('http://payment-provider');"),
      ),
      'apps/payments/src/application/commands/settle-payment.ts calls others over HTTP with fetch(): a call to a company ' +
        'outside belongs into a driven adapter',
    ],
    [
      'a client of the platform',
      add(
        'libs/service/src/http/client.ts',
        "import { request } from 'node:http';\nexport const call = request;\n",
      ),
      'libs/service/src/http/client.ts calls others over HTTP with "node:http": the platform offers no HTTP client',
    ],
  ],
  'Every event has an owner, a schema, an example, and a consumer or a reason for none': [
    [
      'a stranger as owner',
      contract('OrderPlaced', (event) => ({ ...event, owner: 'nobody' })),
      'OrderPlaced in libs/contracts is owned by "nobody", which is no context that publishes: name the context that ' +
        'publishes it, or declare "publishes": "nobody.events" in apps/nobody/context.json.',
    ],
    [
      "another's type",
      contract('OrderPlaced', (event) => ({ ...event, type: 'payments.order-placed' })),
      'OrderPlaced in libs/contracts has the type "payments.order-placed": begin it with its owner, "orders.".',
    ],
    [
      'an event that nobody publishes',
      edit(
        'apps/payments/src/adapters/driven/events/published-events.ts',
        replace(/PaymentRefunded/g, 'Gone'),
      ),
      'PaymentRefunded in libs/contracts is published by nobody: translate to it in ' +
        'apps/payments/src/adapters/driven/events/, or remove it.',
    ],
    [
      'a second publisher',
      edit(
        'apps/orders/src/adapters/driven/events/published-events.ts',
        append('export { PaymentCaptured };'),
      ),
      'PaymentCaptured in libs/contracts belongs to payments, but apps/orders publishes it, too: an event has one owner. ' +
        'Let orders publish an event of its own.',
    ],
    [
      'a version without a released schema',
      contract('OrderPlaced', (event) => ({ ...event, version: 2 })),
      'OrderPlaced in libs/contracts has no released schema: run "npm run contracts:release" and commit what it writes.',
    ],
    [
      'no example',
      contract('OrderPlaced', (event) => ({ ...event, examples: [] as never })),
      'OrderPlaced in libs/contracts has no example: add realistic data to its "examples".',
    ],
    [
      'an example that is none',
      contract('OrderPlaced', (event) => ({ ...event, examples: [{ orderId: 1 }] })),
      'OrderPlaced in libs/contracts has an example that breaks its schema: correct the example or the schema.',
    ],
    [
      'a consumer that is gone',
      // In every context: one that was generated may listen, too.
      (whole: Workspace) =>
        whole
          .paths(/\/driving\/events\/orders\.handler\.ts$/)
          .reduce(
            (altered, path) =>
              altered.with(path, (text) => text.replace('@EventPattern<string>(OrderConfirmed.type)', '')),
            whole,
          ),
      "OrderConfirmed in libs/contracts is consumed by nobody: handle it in a context's adapters/driving/events/, say " +
        'why nobody does in its "unconsumed", or remove it.',
    ],
    [
      'a reason that holds no longer',
      contract('OrderPlaced', (event) => ({ ...event, unconsumed: 'nobody needs it' })),
      'OrderPlaced in libs/contracts is consumed by inventory',
    ],
  ],
  'Every context declares the topics of the events that it handles, and no other': [
    [
      'a topic too few',
      edit('apps/orders/context.json', replace('"inventory.events", ', '')),
      'orders handles events of inventory.events: add it to "consumes" in apps/orders/context.json.',
    ],
    [
      'a topic too many',
      edit(
        'apps/payments/context.json',
        replace('["orders.events"]', '["orders.events", "inventory.events"]'),
      ),
      'apps/payments/context.json consumes inventory.events, but no handler in its adapters/driving/events/ takes an ' +
        'event of it: add the handler, or remove the topic.',
    ],
  ],
  'Every app declares the dependencies whose policies it uses, and no other': [
    [
      'a dependency too few',
      edit('apps/payments/context.json', replace('"provider", ', '')),
      'payments uses the policy "provider": add it to "dependencies" in apps/payments/context.json.',
    ],
    [
      'a dependency too many',
      edit('apps/payments/context.json', replace('"provider", ', '"provider", "mailServer", ')),
      'apps/payments/context.json declares the dependency "mailServer", whose policy payments does not use: use it, or ' +
        'remove the name.',
    ],
  ],
  'Every port has a contract suite, and every adapter runs it': [
    [
      'a port without an adapter',
      edit('apps/orders/src/application/ports.ts', append('export abstract class Coupons {}')),
      'The port Coupons in apps/orders/src/application/ports.ts has no adapter: add one that serves it, or remove the port.',
    ],
    [
      'a port without a suite',
      edit('apps/orders/test/price-book.contract.ts', () => undefined),
      'The port PriceBook in apps/orders/src/application/ports.ts has no contract suite: write one in a .contract.ts file, ' +
        'and run it on MemoryPriceBook and PostgresPriceBook.',
    ],
    [
      'an adapter in memory that runs none',
      edit('apps/orders/test/ports.spec.ts', replace("orderRepositoryContract('in memory', inMemory);", '')),
      'MemoryOrderRepository in apps/orders/src/adapters/driven/memory/orders.repository.ts does not run ' +
        'orderRepositoryContract in apps/orders/test/order-repository.contract.ts, the contract suite of OrderRepository: ' +
        'call it with this adapter in a test.',
    ],
    [
      'an adapter on PostgreSQL that runs none',
      edit(
        'apps/inventory/test/ports.spec.ts',
        replace("stockRepositoryContract('in PostgreSQL', inPostgres);", ''),
      ),
      'PostgresStockRepository in apps/inventory/src/adapters/driven/postgres/stock.repository.ts does not run ' +
        'stockRepositoryContract',
    ],
    [
      'a new adapter',
      add(
        'apps/orders/src/adapters/driven/redis/price-book.ts',
        "import { PriceBook } from '../../../application/ports';\nexport class RedisPriceBook extends PriceBook {}\n",
      ),
      'RedisPriceBook in apps/orders/src/adapters/driven/redis/price-book.ts does not run priceBookContract',
    ],
    [
      'an adapter of the platform that runs none',
      edit('libs/adapters/src/kafka/kafka-event-log.docker.spec.ts', () => undefined),
      'KafkaEventLog in libs/adapters/src/kafka/kafka-event-log.ts does not run eventLogContract',
    ],
    [
      'an adapter that its fixture leaves out',
      edit(
        'libs/adapters/src/postgres/backbone.fixture.ts',
        replace('new PostgresInbox(unitOfWork)', 'undefined'),
      ),
      'PostgresInbox in libs/adapters/src/postgres/inbox.ts does not run backboneContract',
    ],
  ],
  'Every write route is safe to repeat': [
    [
      'a POST without a key',
      edit(ORDERS, replace('@Idempotent()', '')),
      `POST /orders in ${ORDERS} is not safe to repeat: decorate it with @Idempotent(), or with @Repeatable('why') if its ` +
        'effect can happen only once anyway.',
    ],
  ],
  'Every route says who may call it': [
    [
      'a controller that does not say',
      edit(ORDERS, replace("@Audience('user', 'staff')", '')),
      `POST /orders/:id/cancel in ${ORDERS} does not say who may call it: decorate it or its controller with @Audience(…).`,
    ],
  ],
  'Every context has the same rooms under the same names': [
    [
      'a room that is missing',
      edit('apps/orders/src/orders.audit.ts', () => undefined),
      'apps/orders has no src/orders.audit.ts, the invariants that the audit checks: add it, as the other contexts have it.',
    ],
    [
      'a file in no room',
      add('apps/orders/src/services/helper.ts', 'export const help = 1;\n'),
      'apps/orders/src/services/helper.ts is in no room: move it to domain, application, adapters/driving or ' +
        'adapters/driven, see docs/adr/0002-rooms-and-the-import-rule.md.',
    ],
    [
      'handlers under another name',
      add('apps/payments/src/adapters/driving/events/stock-listener.ts', 'export class StockListener {}\n'),
      'apps/payments/src/adapters/driving/events/stock-listener.ts is in no room',
    ],
  ],
  'Every command and query is one file with one class that has one execute()': [
    [
      'two use cases in a file',
      edit(PLACE_ORDER, append('export class PlaceOrders { execute(): void {} }')),
      `${PLACE_ORDER} must have one class with execute(), PlaceOrder, and has PlaceOrder, PlaceOrders: name the class as ` +
        'the file, and give every use case a file of its own.',
    ],
  ],
  'Every table has one owner, whose migrations create it': [
    [
      'a table that two contexts create',
      edit(
        'apps/payments/src/adapters/driven/postgres/migrations/1-payments.ts',
        replace('CREATE TABLE statement_line', 'CREATE TABLE price'),
      ),
      'The table price is created by apps/orders/src/adapters/driven/postgres/migrations/1-orders.ts and by ' +
        'apps/payments/src/adapters/driven/postgres/migrations/1-payments.ts: a table has one owner, and its name says ' +
        'which. Give one of them another name.',
    ],
    [
      'a mapping without a migration',
      edit(
        'apps/orders/src/adapters/driven/postgres/price.mapping.ts',
        replace(/tableName: '\w+'/, "tableName: 'discount'"),
      ),
      'apps/orders/src/adapters/driven/postgres/price.mapping.ts maps the table discount, which no migration of orders ' +
        'creates: add it to a migration in apps/orders/src/adapters/driven/postgres/migrations/.',
    ],
  ],
  "No context reads another's database": [
    [
      "another's table",
      edit(STATEMENT, append("export const sql = 'SELECT * FROM reservation WHERE id = $1';")),
      `${STATEMENT} uses the table reservation of inventory in its SQL: consume the events of inventory and keep what is ` +
        'needed in a table of its own.',
    ],
    [
      'a table of the platform',
      edit(STATEMENT, append('export const sql = `INSERT INTO outbox (topic) VALUES ($1)`;')),
      `${STATEMENT} uses the table outbox of the platform in its SQL: use the port that serves it (libs/ports).`,
    ],
    [
      'a second database',
      edit(
        'apps/payments/src/payments.settings.ts',
        append('export const other = { ORDERS_DATABASE_URL: 1 };'),
      ),
      'apps/payments/src/payments.settings.ts names ORDERS_DATABASE_URL: a process has one database, DATABASE_URL. ' +
        'Consume the events of the other context.',
    ],
  ],
  'Every migration is listed in the module of its context': [
    [
      'a migration that nobody runs',
      add(
        NEXT_MIGRATION,
        'export class Gifts1795737800000 { async up(): Promise<void> {} async down(): Promise<void> {} }\n',
      ),
      `${NEXT_MIGRATION} declares Gifts1795737800000, which apps/orders/src/orders.module.ts does not list: add it to the ` +
        '"migrations" there.',
    ],
  ],
  'A migration leaves processes of the last version working': [
    ...(
      [
        ['ALTER TABLE orders DROP COLUMN reason', 'drops what they may still use'],
        ['ALTER TABLE orders RENAME COLUMN reason TO why', 'renames what they know by its old name'],
        ['ALTER TABLE orders ALTER COLUMN total TYPE numeric', "changes a column's type"],
        ['ALTER TABLE orders ALTER reason SET NOT NULL', 'requires a value that they may not write'],
        [
          'ALTER TABLE orders ADD COLUMN gift boolean NOT NULL',
          'adds a column that they do not write, NOT NULL without a default',
        ],
      ] as const
    ).map(
      ([sql, what]) =>
        [
          sql,
          add(NEXT_MIGRATION, migration(sql)),
          `${NEXT_MIGRATION} ${what}, and during an upgrade they still run: only add now`,
        ] as const,
    ),
  ],
};

/** A migration that runs this, and undoes it in a way that no rule is about. */
function migration(sql: string): string {
  return `export class Gifts1795737800000 { async up(r: any) { await r.query(\`${sql};\`); } async down(r: any) { await r.query('DROP TABLE gift'); } }\n`;
}

describe('A migration', () => {
  it.each([
    'CREATE TABLE gift (id uuid PRIMARY KEY, note text NOT NULL)',
    'ALTER TABLE orders ADD COLUMN gift boolean NOT NULL DEFAULT false, ADD COLUMN note text',
    'ALTER TABLE orders DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (reason IS NOT NULL)',
    '-- contract: no process has used it since 0.2\nALTER TABLE orders DROP COLUMN reason',
  ])('may do what the processes of the last version survive: %s', (sql) => {
    const rule = RULES.find(
      ({ name }) => name === 'A migration leaves processes of the last version working',
    );
    expect(rule?.check(add(NEXT_MIGRATION, migration(sql))(workspace))).toEqual([]);
  });
});

describe('A breach is found, and the sentence says what to do:', () => {
  it.each(
    RULES.flatMap((rule) =>
      (BREACHES[rule.name] ?? []).map(
        ([what, alter, sentence]) => [rule.name, what, rule, alter, sentence] as const,
      ),
    ),
  )('%s; broken by %s', (_, __, rule, alter, sentence) => {
    expect(rule.check(alter(workspace))).toContainEqual(expect.stringContaining(sentence));
  });

  it('every rule is broken by something', () => {
    expect(Object.keys(BREACHES).sort()).toEqual(RULES.map(({ name }) => name).sort());
  });

  it('the workspace itself is the whole: it has the contexts, their routes, ports and events', () => {
    expect(workspace.contexts).toEqual(expect.arrayContaining(['inventory', 'orders', 'payments']));
    expect(Object.keys(workspace.contracts).length).toBeGreaterThan(10);
    expect(workspace.paths(/\.controller\.ts$/).length).toBeGreaterThan(8);
  });
});
