import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '@atlas/testing';
import { Client, Pool } from 'pg';
import { Child } from '../child';
import { say, type Spread, spreadOf } from '../figures';
import type { Stack } from '../stack';
import { addToOutbox, newEvent, SERVICE } from './events';

export interface LatencyOptions {
  /** Events per second. */
  readonly rate: number;
  readonly seconds: number;
  /** `postgres://…` of the writing service and of the consuming one, with their tables. */
  readonly database: string;
  readonly consumerDatabase: string;
}

export interface Latency {
  readonly rate: number;
  readonly events: number;
  /** From the server's answer to COMMIT to the commit of the handler's transaction, milliseconds. */
  readonly committed: Spread;
  /** The same from the moment when the write was due: what the writer was late counts too. */
  readonly due: Spread;
}

const WARM_UP_SECONDS = 5;
const CONNECTIONS = 16;
const MS = 1e6;

/**
 * Commit → handled, with the relay and a consuming service as processes of their own. Writes are due at fixed times,
 * whether those before are through or not (open loop), so that a stall is felt by every event that was due in it.
 */
export async function measureLatency(stack: Stack, rates: readonly number[], options: Omit<LatencyOptions, 'rate'>) {
  const url = `kafka://${stack.brokers.join()}`;
  await withClient(options.consumerDatabase, (client) =>
    client.query('CREATE TABLE handled (event_id uuid PRIMARY KEY, subject text NOT NULL)'),
  );
  await withClient(options.database, (client) => client.query('TRUNCATE outbox'));
  const relay = Child.app('outbox-relay', { SERVICE, DATABASE_URL: options.database, EVENT_LOG_URL: url });
  const consumer = Child.program(join(__dirname, 'consumer.ts'), {
    DATABASE_URL: options.consumerDatabase,
    EVENT_LOG_URL: url,
  });
  const pool = new Pool({ connectionString: options.database, max: CONNECTIONS });
  try {
    await eventually(async () => (await relay.get('/relay'))['role'] === 'owner', 60_000);
    await eventually(async () => partitionsOf(await consumer.get('/health/ready')) === 6, 60_000);
    const figures: Latency[] = [];
    for (const rate of rates) {
      await run(pool, consumer, { ...options, rate, seconds: WARM_UP_SECONDS });
      const latency = await run(pool, consumer, { ...options, rate });
      const { p50, p99 } = latency.committed;
      say(`${rate} events/s: commit → handled p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`);
      figures.push(latency);
    }
    return figures;
  } finally {
    await pool.end();
    await Promise.all([relay.stop(), consumer.stop()]);
  }
}

function partitionsOf(ready: Record<string, unknown>): number {
  const { events } = ready['details'] as { events?: { partitions?: readonly string[] } };
  return events?.partitions?.length ?? 0;
}

interface Write {
  readonly due: number;
  readonly committed: number;
}

async function run(pool: Pool, consumer: Child, { rate, seconds }: LatencyOptions): Promise<Latency> {
  const writes = new Map<string, Write>();
  const inHand: Promise<void>[] = [];
  const begun = now() + 100;
  for (let index = 0; index < rate * seconds; index++) {
    const due = begun + (index * 1_000) / rate;
    const early = due - now();
    // Timers come up to a millisecond late, which counts.
    if (early > 1) await pause(early - 0.5);
    inHand.push(
      write(pool).then(({ id, committed }) => {
        writes.set(id, { due, committed });
      }),
    );
  }
  await Promise.all(inHand);
  const handled = new Map<string, number>();
  await eventually(async () => {
    const more = await consumer.ask<[string, string][]>('handled?');
    for (const [id, at] of more) handled.set(id, Number(BigInt(at)) / MS);
    return handled.size >= writes.size;
  }, 120_000);
  const since = (of: (write: Write) => number) =>
    spreadOf([...writes].map(([id, each]) => (handled.get(id) as number) - of(each)));
  return {
    rate,
    events: writes.size,
    committed: since(({ committed }) => committed),
    due: since(({ due }) => due),
  };
}

/** One event in a transaction of its own, as a use case commits it. */
async function write(pool: Pool): Promise<{ readonly id: string; readonly committed: number }> {
  const event = newEvent();
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await addToOutbox(client, [event]);
    await client.query('COMMIT');
    return { id: event.id, committed: now() };
  } finally {
    client.release();
  }
}

async function withClient(url: string, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await work(client).finally(() => client.end());
}

/** Milliseconds of the machine's monotonic clock, the same in every process. */
const now = (): number => Number(process.hrtime.bigint()) / MS;
