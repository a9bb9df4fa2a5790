import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { catalogue, OrderPlaced } from '@atlas/contracts';
import { topicOf } from '@atlas/events';
import { EventLog } from '@atlas/ports/adapters';
import { createService, loadConfig, startService } from '@atlas/service';
import { createTestDatabase, eventually, recordOf, type TestDatabase } from '@atlas/testing';
import { inventoryApp } from '../src/inventory.app';

/** What a producer can write that knows nothing of our contracts. */
export interface ForeignRecord {
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer | null;
}

/** An event log, and the way in that foreign producers take. */
export interface ForeignAccess {
  readonly url: string;
  write(topic: string, partition: number, records: readonly ForeignRecord[]): Promise<void>;
  close(): Promise<void>;
}

interface Letter {
  readonly key: string | null;
  readonly kind: string;
  readonly reason: string;
}

const TOPIC = topicOf('orders');

function placed(): ForeignRecord {
  const orderId = randomUUID();
  const total = { minorUnits: 119, currency: 'EUR' };
  const lines = [{ sku: 'tea', quantity: 1, unitPrice: total }];
  const data = { orderId, customerId: 'ada', lines, total };
  return recordOf({ contract: OrderPlaced, subject: orderId, aggregateVersion: 1, data });
}

/** An event of an order of its own, but for what is changed. */
const placedBut = (change: (record: ForeignRecord) => Partial<ForeignRecord>): ForeignRecord => {
  const record = placed();
  return { ...record, ...change(record) };
};
const withHeader = (name: string, value: string): ForeignRecord =>
  placedBut(({ headers }) => ({ headers: { ...headers, [name]: value } }));

const REFUSED: readonly (readonly [
  what: string,
  record: ForeignRecord,
  kind: string,
  sentence: string | RegExp,
])[] = [
  ['nothing at all', { key: null, headers: {}, value: null }, 'malformed', 'the record has no value'],
  ['no value', placedBut(() => ({ value: null })), 'malformed', 'the record has no value'],
  [
    'no headers',
    placedBut(() => ({ headers: {} })),
    'malformed',
    'the header "ce_specversion" is missing; events are CloudEvents in binary mode',
  ],
  [
    'another content type',
    withHeader('content-type', 'application/xml'),
    'malformed',
    'the content type is "application/xml"; it must be application/json',
  ],
  [
    'no JSON',
    placedBut(() => ({ value: Buffer.from('{"orderId":') })),
    'malformed',
    /^the value is not valid JSON: /,
  ],
  [
    '2 MB',
    placedBut(() => ({ value: Buffer.alloc(2 * 1024 * 1024, ' ') })),
    'malformed',
    'the value has 2097152 bytes; the maximum is 1048576',
  ],
  [
    'a type that nobody knows',
    withHeader('ce_type', 'orders.order-eaten'),
    'unknown-type',
    'no contract has the type "orders.order-eaten"',
  ],
  [
    'a schema version from the future',
    withHeader('ce_dataschema', `urn:atlas:schema:${OrderPlaced.type}:9`),
    'unknown-version',
    /^orders\.order-placed with the schema "urn:atlas:schema:orders\.order-placed:9" is not supported; known versions: .*$/,
  ],
  [
    'data that breaks its contract',
    placedBut(() => ({ value: Buffer.from('{"orderId":"7"}') })),
    'invalid-data',
    /^orders\.order-placed v\d+: orderId: /,
  ],
];

/** What a consumer makes of records that are none of ours, on the log that `open` gives. */
export function describeForeignRecords(log: string, open: () => Promise<ForeignAccess>): void {
  describe(`A record that a foreign producer wrote on ${log}`, () => {
    let access: ForeignAccess;
    let database: TestDatabase;
    let app: NestFastifyApplication;
    let letters: readonly Letter[];
    const [last, keyless] = [placed(), placedBut(() => ({ key: null }))];

    beforeAll(async () => {
      access = await open();
      database = await createTestDatabase();
      const settings = loadConfig(inventoryApp.settings, {
        PORT: '0',
        DATABASE_URL: database.url,
        EVENT_LOG_URL: access.url,
        LOG_LEVEL: 'silent',
      });
      app = await createService(inventoryApp, settings);
      await app.get(EventLog).ensureTopics(catalogue.topics);
      // One partition, so that the last one is not reached unless the consumer gets past all the others.
      const records = [...REFUSED.map(([, record]) => record), keyless, last];
      await access.write(TOPIC, 0, records);
      await startService(app, settings);
      await eventually(() => reserves(last), 60_000);
      const answer = await app.inject({ method: 'GET', url: '/dead-letters?limit=100' });
      letters = answer.json<{ letters: Letter[] }>().letters;
    }, 240_000);
    afterAll(async () => {
      await app?.close();
      await database?.drop();
      await access?.close();
    });

    const reserves = async ({ headers }: ForeignRecord): Promise<boolean> => {
      const url = `/reservations/${headers['ce_subject']}`;
      return (await app.inject({ method: 'GET', url })).statusCode === 200;
    };

    it.each(REFUSED)('with %s is set aside with a sentence that says why', (_, { key }, kind, sentence) => {
      const reason = typeof sentence === 'string' ? sentence : expect.stringMatching(sentence);
      expect(letters.filter((letter) => letter.key === key)).toEqual([
        expect.objectContaining({ kind, reason }),
      ]);
    });

    it('without a key is handled if it is an event', async () => {
      expect(await reserves(keyless)).toBe(true);
    });

    it('holds up nothing, and leaves no other record behind', () => {
      expect(letters).toHaveLength(REFUSED.length);
    });
  });
}
