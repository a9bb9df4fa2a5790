import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPortOf, processesOf } from './declaration';
import { readDeclarations } from './read-declarations';

let apps: string;

beforeEach(() => (apps = mkdtempSync(join(tmpdir(), 'atlas-apps-'))));
afterEach(() => rmSync(apps, { recursive: true }));

const relay = {
  name: 'outbox-relay',
  title: 'Outbox relay',
  description: 'Publishes.',
  kind: 'relay',
  stores: ['postgres', 'eventLog'],
};

const shipping = {
  name: 'shipping',
  title: 'Shipping',
  description: 'Ships.',
  kind: 'context',
  database: 'shipping',
  topics: { publishes: 'shipping.events', consumes: ['shipping.events'] },
  processes: { shipping: { port: 4005 }, 'shipping-relay': { port: 4015, app: 'outbox-relay' } },
  stores: ['postgres', 'eventLog'],
  environment: { CARRIER_URL: { urlOf: 'carrier' } },
};

const carrier = {
  name: 'carrier',
  title: 'Carrier',
  description: 'Carries.',
  kind: 'outside',
  processes: { carrier: { port: 4092 } },
  stores: [],
};

function declare(name: string, declaration: object | string): void {
  mkdirSync(join(apps, name));
  writeFileSync(
    join(apps, name, 'context.json'),
    typeof declaration === 'string' ? declaration : JSON.stringify(declaration),
  );
}

/** The mistakes in the declaration of shipping, beside others that are right. */
function mistakesOf(declaration: object | string): readonly string[] {
  declare('outbox-relay', relay);
  declare('carrier', carrier);
  declare('shipping', declaration);
  try {
    readDeclarations(apps);
    return [];
  } catch (error) {
    expect(error).toHaveProperty('name', 'DeclarationError');
    return (error as Error).message.split('\n');
  }
}

describe('Declarations', () => {
  it('are read in the order of their ports, each process with what it needs', () => {
    declare('outbox-relay', relay);
    declare('carrier', carrier);
    declare('shipping', shipping);

    const declarations = readDeclarations(apps);

    expect(declarations.map(({ name }) => name)).toEqual(['shipping', 'carrier', 'outbox-relay']);
    expect(
      processesOf(declarations).map(({ context, ...process }) => ({ ...process, context: context.name })),
    ).toEqual([
      {
        ...{ name: 'shipping', app: 'shipping', context: 'shipping', kind: 'service', port: 4005 },
        ...{ stores: ['postgres', 'eventLog'], urls: { CARRIER_URL: 'carrier' } },
      },
      {
        ...{ name: 'shipping-relay', app: 'outbox-relay', context: 'shipping', kind: 'relay', port: 4015 },
        ...{ stores: ['postgres', 'eventLog'], urls: {} },
      },
      {
        ...{ name: 'carrier', app: 'carrier', context: 'carrier', kind: 'outside', port: 4092 },
        ...{ stores: [], urls: {} },
      },
    ]);
  });

  it('give every process a default port', () => {
    declare('outbox-relay', relay);
    declare('carrier', carrier);
    declare('shipping', shipping);

    const declarations = readDeclarations(apps);

    expect(defaultPortOf(declarations, 'shipping-relay')).toBe(4015);
    expect(() => defaultPortOf(declarations, 'somewhere')).toThrow(
      'No context.json declares a process "somewhere"',
    );
  });

  it('may leave out what a context has none of', () => {
    declare('carrier', carrier);

    expect(readDeclarations(apps)).toEqual([{ ...carrier, topics: {}, environment: {}, dependencies: [] }]);
  });

  it('are missed in an app that has none', () => {
    mkdirSync(join(apps, 'shipping'));

    expect(() => readDeclarations(apps)).toThrow(
      'apps/shipping/context.json is missing: every app has one, see libs/context/context.schema.json.',
    );
  });

  it.each<[string, object | string, string]>([
    ['no JSON', '{', 'it is not JSON: '],
    ['no object', '[]', 'it must be an object: see libs/context/context.schema.json.'],
    [
      'another name',
      { ...shipping, name: 'ships' },
      `"name" is "ships": it must be the folder's name, "shipping".`,
    ],
    [
      'no title',
      { ...shipping, title: undefined },
      '"title" is missing: it must be the name that people read.',
    ],
    [
      'an unknown field',
      { ...shipping, prot: 1 },
      '"prot" is no field of a declaration: remove or correct it.',
    ],
    ['another kind', { ...shipping, kind: 'service' }, '"kind" is wrong: it must be "context" (a service'],
    [
      'a port that is none',
      { ...shipping, processes: { ...shipping.processes, shipping: { port: 70_000 } } },
      '"processes.shipping.port" is wrong: it must be a TCP port from 1 to 65535: where',
    ],
    [
      'a field of a process that is unknown',
      { ...shipping, processes: { ...shipping.processes, shipping: { port: 4005, ports: 1 } } },
      '"processes.shipping.ports" is no field of a declaration',
    ],
    [
      'a process name that is none',
      { ...shipping, processes: { ...shipping.processes, Worker: { port: 4025 } } },
      '"processes.Worker" is not allowed as a name',
    ],
    [
      'no process of its own',
      { ...shipping, processes: {} },
      `"processes" has no "shipping": add the app's own`,
    ],
    [
      'an unknown store',
      { ...shipping, stores: ['postgres', 'redis'] },
      '"stores.1" is wrong: it must be "postgres" (which sets DATABASE_URL) or "eventLog"',
    ],
    [
      'no database',
      { ...shipping, database: undefined },
      '"database" is missing: "stores" lists "postgres".',
    ],
    [
      "another's topic",
      { ...shipping, topics: { publishes: 'returns.events' } },
      '"topics.publishes" is "returns.events": a context publishes to its own topic, "shipping.events".',
    ],
    [
      'a topic that nobody publishes',
      { ...shipping, topics: { ...shipping.topics, consumes: ['returns.events'] } },
      'it consumes "returns.events", which no context publishes: there are shipping.events.',
    ],
    [
      'no relay',
      { ...shipping, processes: { shipping: { port: 4005 } } },
      'it publishes, so it needs one relay: add "shipping-relay" to "processes", with "app": "outbox-relay".',
    ],
    [
      'a relay for nothing',
      { ...shipping, topics: {} },
      '"topics.publishes" is missing: one of its processes is a relay.',
    ],
    [
      "another's app",
      { ...shipping, processes: { ...shipping.processes, worker: { port: 4025, app: 'carrier' } } },
      'the process "worker" runs "carrier", which is no relay',
    ],
    [
      'a URL of nothing',
      { ...shipping, environment: { CARRIER_URL: { urlOf: 'carriers' } } },
      'CARRIER_URL is the URL of "carriers", which is no process.',
    ],
    [
      "another's port",
      { ...shipping, processes: { ...shipping.processes, shipping: { port: 4092 } } },
      'the port 4092 is taken by carrier: choose another.',
    ],
  ])('with %s are refused by a sentence', (_, declaration, sentence) => {
    expect(mistakesOf(declaration)).toEqual([
      expect.stringMatching(/^apps\/shipping\/context\.json: /) as string,
    ]);
    expect(() => readDeclarations(apps)).toThrow(sentence);
  });

  it('with several mistakes are refused by a sentence for each', () => {
    expect(mistakesOf({ ...shipping, title: '', port: 1 })).toHaveLength(2);
  });
});
