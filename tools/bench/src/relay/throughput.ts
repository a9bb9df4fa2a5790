import { setTimeout as pause } from 'node:timers/promises';
import { KafkaEventLog } from '@atlas/adapters/kafka';
import type { PublisherSession } from '@atlas/ports';
import { eventually } from '@atlas/testing';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { Client } from 'pg';
import { Child } from '../child';
import { median, say } from '../figures';
import type { Stack } from '../stack';
import { addToOutbox, type BenchEvent, newEvent, SERVICE, TOPIC } from './events';

export interface ThroughputOptions {
  readonly rows: number;
  readonly rounds: number;
  /** Rows of a page, which is one transaction on the log. */
  readonly batchRows: number;
  /** `postgres://…` of the relay's database, with its tables. */
  readonly database: string;
}

export interface Throughput {
  /** Events per second of each round. */
  readonly relay: readonly number[];
  readonly client: readonly number[];
  readonly rowByRow: number;
}

const PARTITIONS = 6;
const ROW_BY_ROW_MS = 6_000;
const SETTLE_MS = 2_000;

/**
 * In turn, so that what else happens on the machine meets both: (a) the relay's process publishes rows that wait in
 * the outbox, exactly once; (b) its client alone publishes the same records from memory, in transactions of the same
 * size. Both end when a reader of committed records can have the last one. Then (c): the loop of tutorials.
 */
export async function measureThroughput(stack: Stack, options: ThroughputOptions): Promise<Throughput> {
  const log = await KafkaEventLog.open({ brokers: stack.brokers, clientId: 'bench' });
  const database = new Client({ connectionString: options.database });
  const relay = Child.app('outbox-relay', {
    SERVICE,
    DATABASE_URL: options.database,
    EVENT_LOG_URL: `kafka://${stack.brokers.join()}`,
    RELAY_BATCH_ROWS: String(options.batchRows),
  });
  try {
    await database.connect();
    await eventually(async () => (await relay.get('/relay'))['role'] === 'owner', 60_000);
    const events = Array.from({ length: options.rows }, newEvent);
    const publisher = await log.openPublisher('bench');
    const figures = { relay: [] as number[], client: [] as number[] };
    // The first round is for warming up.
    for (let round = 0; round <= options.rounds; round++) {
      const client = await clientRate(log, publisher, events, options.batchRows);
      const through = await relayRate(log, database, options.rows);
      say(
        `${round === 0 ? 'warm-up' : `round ${round}/${options.rounds}`}: relay ${Math.round(through)} events/s, ` +
          `client alone ${Math.round(client)} events/s`,
      );
      if (round === 0) continue;
      figures.client.push(client);
      figures.relay.push(through);
    }
    await publisher.close();
    await relay.stop();
    const rowByRow = await rowByRowRate(stack, database);
    say(`row by row: ${Math.round(rowByRow)} events/s`);
    return { ...figures, rowByRow };
  } finally {
    await relay.stop();
    await database.end();
    await log.close();
  }
}

const CLIENT_TOPIC = 'bench.client';

async function clientRate(
  log: KafkaEventLog,
  publisher: PublisherSession,
  events: readonly BenchEvent[],
  batchRows: number,
): Promise<number> {
  await log.ensureTopics([{ name: CLIENT_TOPIC, partitions: PARTITIONS }]);
  const records = events.map(({ key, headers, value }) => ({ topic: CLIENT_TOPIC, key, headers, value }));
  const before = await log.describe();
  const begun = Date.now();
  for (let from = 0; from < records.length; from += batchRows) {
    await publisher.publish(records.slice(from, from + batchRows), String(from));
  }
  return rateSince(begun, await newRecords(log, CLIENT_TOPIC, before));
}

async function relayRate(log: KafkaEventLog, database: Client, rows: number): Promise<number> {
  const events = Array.from({ length: rows }, newEvent);
  await database.query('TRUNCATE outbox');
  await database.query('BEGIN');
  await addToOutbox(database, events);
  await pause(SETTLE_MS);
  const before = await log.describe();
  const begun = Date.now();
  await database.query('COMMIT');
  await eventually(async () => {
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

type Ends = Awaited<ReturnType<KafkaEventLog['describe']>>;

/** How many offsets the relay's topic has won; markers take some. */
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

async function newRecords(log: KafkaEventLog, topic: string, before: Ends): Promise<Published[]> {
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

/** @throws Error if one is missing, double or unknown: a rate is worth nothing then. */
function requireSame(events: readonly string[], published: readonly (string | undefined)[]): void {
  const missing = new Set(events);
  for (const id of published) {
    if (id === undefined || !missing.delete(id))
      throw new Error(`Event ${id} is on the topic twice, or not ours`);
  }
  if (missing.size > 0) throw new Error(`${missing.size} events of ${events.length} are not on the topic`);
}

/** As tutorials have it: the oldest row, a message, a flag. Neither safe nor exactly once. */
async function rowByRowRate(stack: Stack, database: Client): Promise<number> {
  await database.query('TRUNCATE outbox');
  await database.query(
    'ALTER TABLE outbox ADD COLUMN IF NOT EXISTS published boolean NOT NULL DEFAULT false',
  );
  await database.query('CREATE INDEX IF NOT EXISTS unpublished ON outbox (id) WHERE NOT published');
  await addToOutbox(database, Array.from({ length: 20_000 }, newEvent));
  const producer = new Kafka({ brokers: [...stack.brokers], logLevel: logLevel.NOTHING }).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  const rates: number[] = [];
  for (let round = 0; round < 3; round++) {
    const begun = performance.now();
    let rows = 0;
    for (; performance.now() < begun + ROW_BY_ROW_MS / 3; rows++) {
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
    rates.push((rows * 1_000) / (performance.now() - begun));
  }
  await producer.disconnect();
  return median(rates);
}
