import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEventLog } from '@atlas/adapters/event-log';
import type { Violation } from '@atlas/context';
import type { ConsumedRecord } from '@atlas/ports/adapters';
import { eventually, parsePrometheusText, publish } from '@atlas/testing';
import { Client } from 'pg';
import type { AuditReport } from '@atlas/cli/audit/audit';
import type { PlatformState } from '@atlas/cli/platform-state';
import { identify, isRunning, type ProcessIdentity } from '@atlas/cli/process-identity';
import { DECLARATIONS, PROCESSES } from '@atlas/cli/topology';
import { atlas as runAtlas } from '@atlas/cli/test/command';
import { metricsAskedFor } from '@atlas/cli/test/dashboard';
import { tablesOf, trespasses } from './trespasses';

let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'atlas-platform-'));
  await chmod(home, 0o755);
});

afterAll(async () => {
  await atlas('down');
  await rm(home, { recursive: true, force: true });
});

const atlas = (...args: readonly string[]) => runAtlas(home, ...args);

interface Status {
  running: boolean;
  ready: boolean;
  processes: {
    name: string;
    pid: number;
    ready: boolean;
    circuits: { dependency: string; breaker: string; since: string | null }[];
    troubles: { part: string; message: string }[];
    restarts: number;
    memory: { rssBytes: number };
  }[];
}

async function status(): Promise<Status> {
  return JSON.parse((await atlas('status', '--json')).stdout) as Status;
}

/** Does to the data what no service would. @returns the last statement's `key`. */
async function damage(database: string, statements: readonly string[]): Promise<string | undefined> {
  const state = JSON.parse(await readFile(join(home, 'state.json'), 'utf8')) as PlatformState;
  const client = new Client({ connectionString: state.databases[database] });
  await client.connect();
  try {
    let key: string | undefined;
    for (const statement of statements) {
      const { command, rows, rowCount } = await client.query<{ key?: string }>(statement);
      if (command !== 'ALTER') expect({ statement, rowCount }).not.toMatchObject({ rowCount: 0 });
      key = rows[0]?.key;
    }
    return key;
  } finally {
    await client.end();
  }
}

/** What the audit finds violated, which its exit code tells, too. It must have compared every figure. */
async function violations(): Promise<readonly Violation[]> {
  const { code, stdout } = await atlas('audit', '--json');
  const { checks, inFlight } = JSON.parse(stdout) as AuditReport;
  expect(inFlight).toMatchObject({ uncomparedFigures: 0 });
  const found = checks.flatMap((check) => check.violations);
  expect(code).toBe(found.length > 0 ? 1 : 0);
  return found;
}

const violated = async (): Promise<readonly string[]> => [
  ...new Set((await violations()).map(({ invariant }) => invariant)),
];

describe('The atlas command', () => {
  it.each([
    ...[
      'start',
      'up',
      'down',
      'status',
      'reset',
      'demo',
      'load',
      'audit',
      'chaos',
      'chaos-provider',
      'generate',
    ],
    ...['dlq list', 'dlq show', 'dlq replay', 'dlq discard', 'events describe', 'events tail', 'relay adopt'],
  ])('explains %s', async (verb) => {
    const { code, stdout } = await atlas(...verb.split(' '), '--help');

    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: atlas ${verb}`);
    expect(stdout).toContain('--json');
  });

  it.each([['status'], ['demo'], ['audit']])('says of %s that nothing runs, and what to do', async (verb) => {
    const { code, stderr } = await atlas(verb);

    expect(code).toBe(1);
    expect(stderr).toBe(
      `atlas: No platform is running in ${home}: run "npm start" or "npx atlas up" first\n`,
    );
  });

  it('refuses a port that is none', async () => {
    const { code, stderr } = await atlas('up', '--orders-port', '70000');

    expect(code).toBe(1);
    expect(stderr).toContain('It must be a port, 1 to 65535.');
  });
});

describe('The platform, started and left running', () => {
  let started: PlatformState;

  beforeAll(async () => {
    const { code, stdout, stderr } = await atlas('up', '--detach', '--json');
    if (code !== 0) throw new Error(stderr);
    started = JSON.parse(stdout) as PlatformState;
  }, 120_000);

  const identities = (): ProcessIdentity[] => [
    started.supervisor,
    ...started.processes.flatMap(({ process }) => process ?? []),
    ...[identify(started.postgres.pid as number)].flatMap((one) => one ?? []),
  ];

  it('says of every route who may call it, and asks for an Idempotency-Key at every POST that needs one', async () => {
    interface Operation {
      readonly 'x-audience'?: readonly string[];
      readonly 'x-repeatable'?: string;
      readonly parameters?: readonly { in: string; name: string; required: boolean }[];
    }
    const keyed: string[] = [];
    for (const { name, url } of started.processes) {
      const { paths } = (await (await fetch(`${url}/docs-json`)).json()) as {
        paths: Record<string, Record<string, Operation>>;
      };
      for (const [path, operations] of Object.entries(paths)) {
        for (const [method, operation] of Object.entries(operations)) {
          const route = `${name} ${method} ${path}`;
          expect({ route, audience: operation['x-audience'] }).toEqual({
            route,
            audience: expect.arrayContaining([expect.stringMatching(/^(?:user|staff|operator|partner)$/)]),
          });
          if (method !== 'post' || operation['x-repeatable']) continue;
          keyed.push(`${name} ${path}`);
          expect({ route, parameters: operation.parameters }).toEqual({
            route,
            parameters: expect.arrayContaining([
              expect.objectContaining({ in: 'header', name: 'Idempotency-Key', required: true }),
            ]),
          });
        }
      }
    }
    expect(keyed).toEqual(expect.arrayContaining(['orders /orders', 'payments /payments/{orderId}/refund']));
  });

  it('keeps each database for the role of its owner', async () => {
    expect(Object.keys(started.databases).length).toBeGreaterThan(4);
    expect(await trespasses(started.databases)).toEqual([]);

    // The check would notice.
    await damage('orders', ['GRANT CONNECT ON DATABASE orders TO payments']);
    expect(await trespasses(started.databases)).toEqual([
      'The role of payments can connect to the database of orders: revoke CONNECT on it from PUBLIC where it is made, ' +
        'and give no other role more.',
    ]);
    await damage('orders', ['REVOKE CONNECT ON DATABASE orders FROM payments']);
    expect(await trespasses(started.databases)).toEqual([]);
  });

  it('has an owner for every table: the role of its database, and one context', async () => {
    const databases = DECLARATIONS.flatMap(({ database }) => database ?? []);
    const places = new Map<string, string[]>();
    for (const database of databases) {
      const tables = await tablesOf(started.databases[database] ?? '');
      expect(tables.filter(({ owner }) => owner !== database)).toEqual([]);
      for (const { name } of tables) places.set(name, [...(places.get(name) ?? []), database]);
    }
    const shared = [...places].filter(([, found]) => found.length > 1);
    // What is in several is the platform's, which is in all.
    expect(shared.filter(([, found]) => found.length < databases.length)).toEqual([]);
    expect(shared.map(([name]) => name)).toContain('outbox');
    expect(places.get('reservation')).toEqual(['inventory']);
  });

  it('consumes the topics that each context declares', async () => {
    const consumed = async () => {
      const { stdout } = await atlas('events', 'describe', '--json');
      const described = JSON.parse(stdout) as { topic: string; groups: { group: string }[] }[];
      return (name: string) => [
        ...new Set(
          described
            .filter(({ groups }) => groups.some(({ group }) => group === name))
            .map(({ topic }) => topic),
        ),
      ];
    };
    // A service is ready before it has joined its group.
    await eventually(async () => {
      const topicsOf = await consumed();
      for (const { name, kind, topics } of DECLARATIONS.filter((each) => each.kind === 'context')) {
        expect({ name, kind, consumes: topicsOf(name).sort() }).toEqual({
          name,
          kind,
          consumes: [...(topics.consumes ?? [])].sort(),
        });
      }
      return true;
    }, 30_000);
  });

  it('is ready, each part of it a process of its own', async () => {
    const { ready, processes } = await status();

    expect(ready).toBe(true);
    const declared = PROCESSES.map(({ name }) => name);
    expect(declared).toEqual(expect.arrayContaining(['orders', 'orders-relay', 'payment-provider']));
    expect(processes.map(({ name }) => name)).toEqual(['atlas', 'postgres', ...declared]);
    expect(new Set(processes.map(({ pid }) => pid)).size).toBe(processes.length);
    expect(processes.every(({ memory }) => memory.rssBytes > 0)).toBe(true);
  });

  it('takes orders to the end that each must have', async () => {
    const { code, stdout } = await atlas('demo', '--json');

    expect(JSON.parse(stdout)).toMatchObject({ ok: true });
    expect(code).toBe(0);
  });

  it('takes an order through all services in one trace, each with a span of its own', async () => {
    const state = JSON.parse(await readFile(join(home, 'state.json'), 'utf8')) as PlatformState;
    const log = await openEventLog(
      'test',
      { EVENT_LOG_URL: state.databases['event_log'] as string },
      () => undefined,
    );
    const records: ConsumedRecord[] = [];
    for (const { topic, partition } of await log.describe()) {
      for await (const record of log.read(topic, partition)) records.push(record);
    }
    await log.close();
    const eventsOf = (order: string | null) => records.filter(({ key }) => key === order);
    const isOf = (type: string) => (record: ConsumedRecord) => record.headers['ce_type'] === type;
    // Who cancels an order begins another trace.
    const orders = records.filter(isOf('orders.order-confirmed')).map(({ key }) => key);
    const uncancelled = orders.filter((order) => !eventsOf(order).some(isOf('orders.order-cancelled')));

    const parts = (order: string | null, part: number) =>
      eventsOf(order).map(({ headers }) => headers['traceparent']?.split('-')[part]);
    const traces = uncancelled.map((order) => new Set(parts(order, 1)));
    expect(uncancelled.length).toBeGreaterThan(1);
    expect(traces.map(({ size }) => size)).toEqual(uncancelled.map(() => 1));
    expect(new Set(traces.flatMap((trace) => [...trace])).size).toBe(uncancelled.length);
    for (const order of uncancelled) {
      expect(new Set(eventsOf(order).map(({ topic }) => topic)).size).toBe(3);
      expect(new Set(parts(order, 2)).size).toBe(eventsOf(order).length);
    }
  });

  it('shows every metric that the dashboard or an alert asks for', async () => {
    const urls = started.processes.flatMap(({ url }) => (url ? [url] : []));
    const wanted = new Set(metricsAskedFor());
    // These are there once it has happened.
    for (const rare of ['http_shed', 'consumer_dead_letters', 'resilience_retries']) {
      expect(wanted.delete(`atlas_${rare}_total`)).toBe(true);
    }
    expect(wanted.size).toBeGreaterThan(20);

    await eventually(async () => {
      for (const url of urls) {
        const text = await (await fetch(`${url}/metrics`)).text();
        const samples = [...parsePrometheusText(text).values()].flatMap((family) => family.samples);
        for (const { name } of samples) wanted.delete(name);
      }
      expect([...wanted]).toEqual([]);
      return true;
    });
  });

  it('shows the log, and the events of one order', async () => {
    const described = await atlas('events', 'describe', '--json');
    const partitions = JSON.parse(described.stdout) as { topic: string; groups: { lag: number }[] }[];
    expect(new Set(partitions.map(({ topic }) => topic))).toEqual(
      new Set(DECLARATIONS.flatMap(({ topics: { publishes } }) => publishes ?? [])),
    );
    expect(partitions.flatMap(({ groups }) => groups.filter(({ lag }) => lag > 0))).toEqual([]);

    const first = await atlas(
      'events',
      'tail',
      'orders.events',
      '--from-beginning',
      '--limit',
      '1',
      '--json',
    );
    const { key } = JSON.parse(first.stdout) as { key: string };
    const line = await atlas('events', 'tail', '--from-beginning', '--limit', '1', '--key', key, '--data');
    expect(line.stdout).toContain(key);
    const unknown = await atlas('events', 'tail', 'nowhere');
    expect(unknown.stderr).toContain('There is no topic "nowhere"');
  });

  it('shows where each service is in the log, and sets it elsewhere', async () => {
    interface Position {
      readonly consumer: string;
      readonly topic: string;
      readonly partition: number;
      readonly position: number;
      readonly end: number;
    }
    const positions = async () => {
      const { code, stdout } = await atlas('positions', 'list', '--json');
      expect(code).toBe(0);
      return JSON.parse(stdout) as Position[];
    };
    await eventually(async () => (await positions()).every(({ position, end }) => position === end), 30_000);
    const found = (await positions()).find(({ consumer, end }) => consumer === 'orders' && end > 0);
    const { topic, partition, end } = found as Position;
    const place = `${topic}/${partition}`;
    const now = async () =>
      (await positions()).find(
        (each) => each.consumer === 'orders' && `${each.topic}/${each.partition}` === place,
      )?.position;

    expect((await atlas('positions', 'set', 'orders', place, 'oldest')).code).toBe(0);
    expect(await now()).toBe(0);
    expect((await atlas('positions', 'set', 'orders', place, `${end + 1}`)).stderr).toContain(
      `give one from 0 to ${end}`,
    );
    expect((await atlas('positions', 'set', 'orders', 'nowhere/0', 'oldest')).stderr).toContain(
      'There is no partition "nowhere/0"',
    );
    expect((await atlas('positions', 'set', 'orders', place, 'newest')).code).toBe(0);
    expect(await now()).toBe(end);
  });

  it('shows what a service could not handle, and has an operator decide', async () => {
    const { databases } = JSON.parse(await readFile(join(home, 'state.json'), 'utf8')) as PlatformState;
    const log = await openEventLog('test', { EVENT_LOG_URL: databases['event_log']! }, () => undefined);
    await publish(log, { topic: 'orders.events', key: 'foreign', headers: {}, value: Buffer.from('hello') });
    await log.close();
    const listeners = DECLARATIONS.filter(({ topics: { consumes } }) => consumes?.includes('orders.events'));
    const letters = await eventually(async () => {
      const found = JSON.parse((await atlas('dlq', 'list', '--json')).stdout) as { name: string }[];
      return found.length === listeners.length && found;
    });

    const names = letters.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['inventory/1', 'payments/1']));
    expect(names.sort()).toEqual(listeners.map(({ name }) => `${name}/1`).sort());
    expect((await atlas('dlq', 'show', 'payments/1')).stdout).toContain('hello');
    const replayed = await atlas('dlq', 'replay', '--all');
    expect(replayed.code).toBe(1);
    expect(replayed.stdout).toContain('inventory/1 failed again: the header "ce_specversion"');
    for (const name of names) {
      expect((await atlas('dlq', 'discard', name, '--reason', 'not ours')).code).toBe(0);
    }
    expect((await atlas('dlq', 'list')).stdout).toBe('There are no dead letters.\n');
    const again = await atlas('dlq', 'replay', 'payments/1');
    expect(again.stderr).toContain('was discarded at');
    expect((await atlas('dlq', 'replay')).stderr).toContain('or use --all');
    expect((await atlas('dlq', 'show', 'payments-1')).stderr).toContain('is not the name of a dead letter');
  });

  it('shows the circuit to the payment provider: open while that fails, closed when it is well again', async () => {
    const provider = started.processes.find(({ name }) => name === 'payment-provider')?.url as string;
    const circuit = async () => {
      const { processes } = await status();
      const payments = processes.find(({ name }) => name === 'payments');
      return payments?.circuits.find(({ dependency }) => dependency === 'provider');
    };
    expect(await circuit()).toMatchObject({ breaker: 'closed' });

    const refused = await fetch(`${provider}/faults`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ seed: 1, faults: [{ kind: 'error-before', status: 503 }] }),
    });
    expect(refused.ok).toBe(true);
    const baskets = join(home, 'baskets.csv');
    await writeFile(baskets, 'milk\n'.repeat(20));
    const loaded = atlas('load', baskets, '--json');
    const open = await eventually(async () => {
      const now = await circuit();
      return now?.breaker === 'open' && now;
    });
    expect(open.since).toMatch(/^2\d{3}-/);
    expect((await atlas('status')).stdout).toMatch(
      /The circuit from payments to "provider" is (open|half-open) since 2/,
    );
    expect((await status()).ready).toBe(true);

    await fetch(`${provider}/faults`, { method: 'DELETE' });
    await eventually(async () => (await circuit())?.breaker === 'closed');
    expect(JSON.parse((await loaded).stdout)).toMatchObject({ placed: 20, confirmed: 20 });
  }, 120_000);

  it('can not be started a second time', async () => {
    const { code, stderr } = await atlas('up');

    expect(code).toBe(1);
    expect(stderr).toContain(
      `Atlas already runs in ${home} (pid ${started.supervisor.pid}; orders at http://`,
    );
  });

  it('can not be thrown away while it runs', async () => {
    const { code, stderr } = await atlas('reset', '--yes');

    expect(code).toBe(1);
    expect(stderr).toContain('stop it with "npx atlas down" first');
  });

  it('is whole again after its database and a service were killed', async () => {
    const victims = started.processes.filter(({ name }) => name === 'inventory');
    process.kill(started.postgres.pid as number, 'SIGKILL');
    for (const { process: victim } of victims) process.kill((victim as ProcessIdentity).pid, 'SIGKILL');

    const { processes } = await eventually(async () => {
      const now = await status();
      return now.ready && now.processes.some(({ restarts }) => restarts > 0) ? now : undefined;
    });
    expect(processes.filter(({ restarts }) => restarts > 0).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['postgres', 'inventory']),
    );
    expect((await atlas('demo')).code).toBe(0);
  });

  it('is audited clean, and every kind of damage to its data is found and named', async () => {
    expect(await violated()).toEqual([]);

    // Each changes one record of one context, by amounts that can't make up for one another.
    const nth = (table: string, condition: string, n: number) =>
      `(SELECT id FROM ${table} WHERE ${condition} ORDER BY id OFFSET ${n} LIMIT 1)`;
    const bought = (n: number) =>
      nth('orders', `status = 'confirmed' AND id IN (SELECT order_id FROM order_line WHERE sku = 'milk')`, n);
    const sold = (n: number) =>
      nth(
        'reservation',
        `status = 'committed' AND id IN (SELECT reservation_id FROM reservation_line WHERE sku = 'milk')`,
        n,
      );
    const paid = (n: number) => nth('payment', `status = 'captured'`, n);
    const bookedAs = (kind: string, n: number) =>
      `(SELECT id FROM book_entry WHERE kind = '${kind}' AND reference NOT IN
         (SELECT reference FROM book_entry WHERE kind = '${kind === 'charge' ? 'refund' : 'none'}')
        ORDER BY reference OFFSET ${n} LIMIT 1)`;
    const ledger = (kind: string, payment: string) =>
      `UPDATE ledger_entry SET debit = debit + 3 * sign(debit), credit = credit + 3 * sign(credit)
       WHERE transaction_id = ${payment} || ':${kind}' RETURNING split_part(transaction_id, ':', 1) || ' ' || currency AS key`;
    const alterations: readonly (readonly [database: string, figure: string, statement: string])[] = [
      [
        'orders',
        'units ordered, by order',
        `UPDATE order_line SET quantity = quantity + 1 WHERE order_id = ${bought(0)} RETURNING order_id AS key`,
      ],
      [
        'orders',
        'units sold, by SKU',
        `UPDATE order_line SET quantity = quantity + 100 WHERE order_id = ${bought(1)} RETURNING sku AS key`,
      ],
      [
        'orders',
        'units reserved, by SKU',
        `UPDATE orders SET status = 'awaiting-payment', due_at = now() + interval '1 day' WHERE id = ${bought(2)} RETURNING 'milk' AS key`,
      ],
      [
        'orders',
        'money due, by order',
        `UPDATE orders SET total = total - 1 WHERE id = ${bought(3)} RETURNING id || ' ' || currency AS key`,
      ],
      [
        'orders',
        'money charged, by order',
        `UPDATE orders SET total = total + 1000 WHERE id = ${bought(4)} RETURNING id || ' ' || currency AS key`,
      ],
      [
        'orders',
        'money charged and not refunded, by order',
        `UPDATE orders SET status = 'cancelled', reason = 'expired' WHERE id = ${bought(5)} RETURNING id || ' ' || currency AS key`,
      ],
      [
        'orders',
        'unit price, by SKU',
        `UPDATE price SET unit_price = unit_price + 1 WHERE sku = 'milk' RETURNING sku || ' ' || currency AS key`,
      ],
      [
        'catalog',
        'unit price, by SKU',
        `UPDATE product SET document = jsonb_set(document, '{price,minorUnits}', '7777777') WHERE sku = (SELECT min(sku) FROM product WHERE sku LIKE '%-coffee') RETURNING sku || ' EUR' AS key`,
      ],
      [
        'inventory',
        'units ordered, by order',
        `UPDATE reservation_line SET quantity = quantity + 1 WHERE reservation_id = ${sold(6)} RETURNING reservation_id AS key`,
      ],
      [
        'inventory',
        'units sold, by SKU',
        `UPDATE stock SET sold = sold + 1, received = received + 1 WHERE sku = (SELECT min(sku) FROM stock WHERE sku LIKE '%-coffee') RETURNING sku AS key`,
      ],
      [
        'inventory',
        'units reserved, by SKU',
        `UPDATE stock SET reserved = reserved + 1, available = available - 1 WHERE sku = (SELECT min(sku) FROM stock WHERE sku LIKE '%-kettle') RETURNING sku AS key`,
      ],
      [
        'payments',
        'money due, by order',
        `UPDATE payment SET amount = amount + 10 WHERE id = ${paid(7)} RETURNING id || ' ' || currency AS key`,
      ],
      ['payments', 'money charged, by order', ledger('capture', paid(8))],
      ['payments', 'money charged and not refunded, by order', ledger('capture', paid(9))],
      ['payments', 'money refunded, by order', ledger('refund', nth('payment', `status = 'refunded'`, 0))],
      [
        'payment_provider',
        'money charged, by order',
        `UPDATE book_entry SET amount = amount - 7 WHERE id = ${bookedAs('charge', 10)} RETURNING reference || ' ' || currency AS key`,
      ],
      [
        'payment_provider',
        'money charged and not refunded, by order',
        `UPDATE book_entry SET amount = amount + 7 WHERE id = ${bookedAs('charge', 11)} RETURNING reference || ' ' || currency AS key`,
      ],
      [
        'payment_provider',
        'money refunded, by order',
        `UPDATE book_entry SET amount = amount - 7 WHERE id = ${bookedAs('refund', 1)} RETURNING reference || ' ' || currency AS key`,
      ],
    ];
    await damage('payments', ['ALTER TABLE ledger_entry DISABLE TRIGGER USER']);
    const altered: string[] = [];
    for (const [database, figure, statement] of alterations) {
      altered.push(`${figure}, ${await damage(database, [statement])}`);
    }
    const found = (await violations())
      .filter(({ invariant }) => invariant.endsWith(' agree'))
      .map(({ invariant, subject }) => `${invariant.split(':')[0]}, ${subject}`);
    expect(found).toEqual(expect.arrayContaining(altered));

    await damage('orders', [
      `UPDATE orders SET status = 'placed', due_at = now() + interval '1 day' WHERE id = ${bought(6)}`,
    ]);
    await damage('inventory', [
      'INSERT INTO stock_movement (sku, quantity) SELECT sku, 1 FROM stock LIMIT 1',
      `DELETE FROM inbox WHERE event_id = (SELECT min(event_id::text)::uuid FROM inbox)`,
    ]);
    await damage('payments', [`UPDATE ledger_entry SET debit = debit + 1 WHERE debit > 0`]);
    expect(await violated()).toEqual([
      'every order is settled, or in flight with a reason',
      "every order's total is the sum of its lines",
      'orders, inventory and payments agree on every order',
      'stock in = available + reserved + sold, for each SKU, never negative',
      'every ledger transaction balances',
      'the ledger has what every payment says',
      'unit price, by SKU: orders, catalog agree',
      'units ordered, by order: orders, inventory agree',
      'units reserved, by SKU: orders, inventory agree',
      'units sold, by SKU: orders, inventory agree',
      'money due, by order: orders, payments agree',
      'money charged, by order: orders, payments, payment-provider agree',
      'money charged and not refunded, by order: orders, payments, payment-provider agree',
      'money refunded, by order: payments, payment-provider agree',
      'every event was handled once by each consumer',
    ]);

    await damage('orders', [`UPDATE consumer_position SET next_offset = next_offset + 1000000`]);
    await damage('event_log', [
      `DELETE FROM log_record WHERE (partition_id, "offset") IN
         (SELECT partition_id, min("offset") + 1 FROM log_record GROUP BY partition_id)`,
    ]);
    const { checks } = JSON.parse((await atlas('audit', '--json')).stdout) as AuditReport;
    const broken = checks.filter((check) => check.violations.length > 0).map(({ invariant }) => invariant);
    expect(broken).toEqual(
      expect.arrayContaining([
        'every outbox row is on the log once',
        "the log has each aggregate's events in order, without gaps",
        'every event was handled once by each consumer',
        'the log has whatever comes next for each consumer',
      ]),
    );
  });

  it('publishes nothing from a database that lacks what was published, until an operator adopts it', async () => {
    const healthy = await atlas('relay', 'adopt', 'orders');
    expect(healthy).toMatchObject({
      code: 1,
      stderr: 'atlas: The relay of "orders" publishes: there is nothing to adopt.\n',
    });
    expect((await atlas('relay', 'adopt', 'weather')).stderr).toContain('There is no relay of "weather"');

    const troubles = async () =>
      (await status()).processes.find(({ name }) => name === 'orders-relay')?.troubles ?? [];
    const lost = await damage('orders', [
      `WITH gone AS (DELETE FROM outbox WHERE id > (SELECT max(id) - 3 FROM outbox) RETURNING 1)
       SELECT count(*) AS key FROM gone`,
    ]);
    const relay = (await status()).processes.find(({ name }) => name === 'orders-relay');
    process.kill(relay?.pid as number, 'SIGKILL');
    await eventually(async () =>
      (await troubles()).some(
        ({ part, message }) => part === 'relay' && message.includes('atlas relay adopt'),
      ),
    );
    expect((await atlas('status')).stdout).toMatch(
      /orders-relay \(relay\): The database does not have the events/,
    );
    const { code, stdout } = await atlas('relay', 'adopt', 'orders');
    expect([code, stdout]).toEqual([0, expect.stringContaining(`The database has lost ${lost} events`)]);
    await eventually(async () => (await troubles()).length === 0);
  });

  it('leaves nothing running when it is stopped, and throws its data away when told to', async () => {
    const running = identities();
    const { code } = await atlas('down');

    expect(code).toBe(0);
    expect(running.filter(isRunning)).toEqual([]);
    expect(await status()).toMatchObject({ running: false, ready: false });
    expect((await atlas('reset', '--yes')).code).toBe(0);
    expect((await atlas('down')).stdout).toBe(`No platform is running in ${home}.\n`);
  });
});
