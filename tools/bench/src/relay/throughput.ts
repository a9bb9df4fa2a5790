import { setTimeout as pause } from 'node:timers/promises';
import type { EventLog, OutgoingRecord } from '@atlas/ports/adapters';
import { eventually } from '@atlas/testing';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { Client } from 'pg';
import { Child } from '../child';
import { say } from '../figures';
import { openLog, type Stack } from '../stack';
import { addToOutbox, type BenchEvent, newEvent, SERVICE, TOPIC } from './events';

export interface ThroughputOptions {
  readonly rows: number;
  readonly rounds: number;
  /** Rows per page, which is one transaction on the log. */
  readonly batchRows: number;
  /** `postgres://…` of the relay's database, with its tables. */
  readonly database: string;
  /** Another database, for the tutorials' loop. */
  readonly rowByRowDatabase: string;
}

export interface Throughput {
  /** Events per second, by round. */
  readonly relay: readonly number[];
  readonly publisher: readonly number[];
  readonly client: readonly number[];
  readonly rowByRow: readonly number[];
}

const PARTITIONS = 6;
const ROW_BY_ROW_MS = 2_000;
const ROW_BY_ROW_ROWS = 20_000;
const SETTLE_MS = 2_000;
const LOOK_EVERY_MS = 250;
/** Rounds that don't count: the broker's JVM needs that long to warm up. */
const WARM_UP_ROUNDS = 3;

/**
 * Taking turns, so that other load on the machine affects all alike: (a) the relay process publishes rows waiting in the
 * outbox, exactly once; (b) kafkajs alone, unmodified, publishes the same kind of records from memory, in transactions
 * of the same size; (c) the tutorials' loop publishes row by row; (d) the relay's own log adapter, which encodes records
 * itself, does what (b) does. All but (c) end when the broker has appended the last record.
 */
export async function measureThroughput(stack: Stack, options: ThroughputOptions): Promise<Throughput> {
  const log = await openLog(stack);
  const database = new Client({ connectionString: options.database });
  const relay = Child.app('outbox-relay', {
    SERVICE,
    DATABASE_URL: options.database,
    EVENT_LOG_URL: stack.eventLog,
    RELAY_BATCH_ROWS: String(options.batchRows),
  });
  try {
    await database.connect();
    await eventually(async () => (await relay.get('/relay'))['role'] === 'owner', 60_000);
    const events = Array.from({ length: options.rows }, newEvent);
    const session = await log.openPublisher('bench');
    const figures = {
      relay: [] as number[],
      publisher: [] as number[],
      client: [] as number[],
      rowByRow: [] as number[],
    };
    const client = await transactionalClient(stack);
    for (let round = 1 - WARM_UP_ROUNDS; round <= options.rounds; round++) {
      const rates = {
        publisher: await rateFromMemory(log, events, options.batchRows, (records, from) =>
          session.publish(records, String(from)),
        ),
        client: await rateFromMemory(log, events, options.batchRows, client.publish),
        relay: await relayRate(log, database, options.rows),
        rowByRow: await rowByRowRate(stack, options.rowByRowDatabase),
      };
      say(
        `${round < 1 ? 'warm-up' : `round ${round}/${options.rounds}`}: relay ${Math.round(rates.relay)} events/s, ` +
          `kafkajs alone ${Math.round(rates.client)}, row by row ${Math.round(rates.rowByRow)}, ` +
          `the adapter alone ${Math.round(rates.publisher)}`,
      );
      if (round < 1) continue;
      for (const each of ['relay', 'publisher', 'client', 'rowByRow'] as const)
        figures[each].push(rates[each]);
    }
    await client.close();
    await session.close();
    return figures;
  } finally {
    await relay.stop();
    await database.end();
    await log.close();
  }
}

const CLIENT_TOPIC = 'bench.client';

async function rateFromMemory(
  log: EventLog,
  events: readonly BenchEvent[],
  batchRows: number,
  publish: (records: readonly OutgoingRecord[], from: number) => Promise<void>,
): Promise<number> {
  await log.ensureTopics([{ name: CLIENT_TOPIC, partitions: PARTITIONS }]);
  const records = events.map(({ key, headers, value }) => ({ topic: CLIENT_TOPIC, key, headers, value }));
  const before = await log.describe();
  const begun = Date.now();
  for (let from = 0; from < records.length; from += batchRows) {
    await publish(records.slice(from, from + batchRows), from);
  }
  return rateSince(begun, await newRecords(log, CLIENT_TOPIC, before));
}

/** As documented, except for shorter waits: its default wait after a commit would dominate the result. */
async function transactionalClient(stack: Stack) {
  const producer = new Kafka({ brokers: [...stack.brokers], logLevel: logLevel.NOTHING }).producer({
    transactionalId: 'bench',
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
    retry: { initialRetryTime: 5, multiplier: 1.2, maxRetryTime: 20, retries: 250 },
  });
  await producer.connect();
  return {
    publish: async (records: readonly OutgoingRecord[]) => {
      const transaction = await producer.transaction();
      const messages = records.map(({ key, headers, value }) => ({ key, headers, value }));
      await transaction.send({ topic: CLIENT_TOPIC, messages });
      await transaction.commit();
    },
    close: () => producer.disconnect(),
  };
}

async function relayRate(log: EventLog, database: Client, rows: number): Promise<number> {
  const events = Array.from({ length: rows }, newEvent);
  await database.query('BEGIN');
  await addToOutbox(database, events);
  await pause(SETTLE_MS);
  const before = await log.describe();
  await database.query('COMMIT');
  const begun = Date.now();
  await eventually(async () => {
    // Rarely, because polling takes CPU from the relay.
    await pause(LOOK_EVERY_MS);
    const now = await log.describe();
    return growth(before, now) >= rows;
  }, 300_000);
  const published = await eventually(async () => {
    const found = await newRecords(log, TOPIC, before);
    return found.length >= rows && found;
  });
  requireSame(
    events.map(({ id }) => id),
    published.map(({ id }) => id),
  );
  return rateSince(begun, published);
}

type Ends = Awaited<ReturnType<EventLog['describe']>>;

/** How many offsets the relay's topic has gained, transaction markers included. */
function growth(before: Ends, now: Ends): number {
  const endOf = (ends: Ends) =>
    ends.filter(({ topic }) => topic === TOPIC).reduce((sum, { end }) => sum + end, 0);
  return endOf(now) - endOf(before);
}

interface Published {
  readonly id: string | undefined;
  /** When the broker appended it, milliseconds since 1970. */
  readonly at: number;
}

async function newRecords(log: EventLog, topic: string, before: Ends): Promise<Published[]> {
  const found: Published[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const from = before.find((each) => each.topic === topic && each.partition === partition)?.end ?? 0;
    for await (const { headers, timestamp } of log.read(topic, partition, from)) {
      found.push({ id: headers['ce_id'], at: timestamp });
    }
  }
  return found;
}

function rateSince(begun: number, published: readonly Published[]): number {
  const last = published.reduce((latest, { at }) => Math.max(latest, at), 0);
  return (published.length * 1_000) / (last - begun);
}

/** @throws Error if an event is missing, duplicated or unknown: the rate would be meaningless. */
function requireSame(events: readonly string[], published: readonly (string | undefined)[]): void {
  const missing = new Set(events);
  for (const id of published) {
    if (id === undefined || !missing.delete(id)) throw new Error(`Event ${id} is duplicated or unknown`);
  }
  if (missing.size > 0)
    throw new Error(`${missing.size} of ${events.length} events are missing from the topic`);
}

/**
 * As in tutorials: the oldest row, a message, a flag. Neither safe nor exactly once. It gets an index on the waiting rows,
 * which most tutorials lack; without it, every published row would slow it down.
 */
async function rowByRowRate(stack: Stack, url: string): Promise<number> {
  const database = new Client({ connectionString: url });
  await database.connect();
  await database.query(`
    TRUNCATE outbox;
    ALTER TABLE outbox ADD COLUMN IF NOT EXISTS published boolean NOT NULL DEFAULT false;
    CREATE INDEX IF NOT EXISTS unpublished ON outbox (id) WHERE NOT published`);
  await addToOutbox(database, Array.from({ length: ROW_BY_ROW_ROWS }, newEvent));
  const producer = new Kafka({ brokers: [...stack.brokers], logLevel: logLevel.NOTHING }).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  const begun = performance.now();
  let rows = 0;
  for (; performance.now() < begun + ROW_BY_ROW_MS; rows++) {
    const found = await database.query<{
      id: string;
      aggregate_id: string;
      headers: Record<string, string>;
      payload: Buffer;
    }>('SELECT id, aggregate_id, headers, payload FROM outbox WHERE NOT published ORDER BY id LIMIT 1');
    const [row] = found.rows;
    if (!row) break;
    const { aggregate_id: key, headers, payload: value } = row;
    await producer.send({ topic: CLIENT_TOPIC, acks: -1, messages: [{ key, headers, value }] });
    await database.query('UPDATE outbox SET published = true WHERE id = $1', [row.id]);
  }
  const rate = (rows * 1_000) / (performance.now() - begun);
  await producer.disconnect();
  await database.end();
  return rate;
}
