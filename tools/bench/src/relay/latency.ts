import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { catalogue } from '@atlas/contracts';
import { eventually } from '@atlas/testing';
import { Client, Pool } from 'pg';
import { Child } from '../child';
import { say, type Spread, spreadOf } from '../figures';
import { openLog, type Stack } from '../stack';
import type { Handled } from './consumer';
import { addToOutbox, newEvent, SERVICE, TOPIC } from './events';

export interface LatencyOptions {
  /** Events per second. */
  readonly rate: number;
  readonly seconds: number;
  /** `postgres://…` of the writing and of the consuming service, with their tables. */
  readonly database: string;
  readonly consumerDatabase: string;
}

export interface Latency {
  readonly rate: number;
  readonly events: number;
  /** From the server's response to COMMIT to the commit of the handler's transaction, milliseconds. */
  readonly committed: Spread;
  /** The same from when the write was due, so the writer's own delay counts. */
  readonly due: Spread;
  /** Medians of the stages in between, to the millisecond. */
  readonly stages: { readonly toLog: number; readonly toHandler: number; readonly toCommit: number };
}

const WARM_UP_SECONDS = 5;
const CONNECTIONS = 16;
const MS = 1e6;

/**
 * Commit → handled, with the relay and a consuming service as separate processes. Writes are due at fixed times, whether
 * earlier ones have finished or not (open loop), so a stall affects every event that was due during it.
 */
export async function measureLatency(
  stack: Stack,
  rates: readonly number[],
  options: Omit<LatencyOptions, 'rate'>,
) {
  await withClient(options.consumerDatabase, (client) =>
    client.query('CREATE TABLE handled (event_id uuid PRIMARY KEY, subject text NOT NULL)'),
  );
  await skipExistingEvents(stack);
  const relay = Child.app('outbox-relay', {
    SERVICE,
    DATABASE_URL: options.database,
    EVENT_LOG_URL: stack.eventLog,
  });
  const consumer = Child.program(join(__dirname, 'consumer.ts'), {
    DATABASE_URL: options.consumerDatabase,
    EVENT_LOG_URL: stack.eventLog,
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
      const { toLog, toHandler, toCommit } = latency.stages;
      say(
        `${rate} events/s: commit → handled p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms; commit → ${toLog} → ` +
          `on the log → ${toHandler} → handler → ${toCommit.toFixed(1)} → committed`,
      );
      figures.push(latency);
    }
    return figures;
  } finally {
    await pool.end();
    await Promise.all([relay.stop(), consumer.stop()]);
  }
}

/** Brokers that were used before contain events that must not be measured. */
async function skipExistingEvents(stack: Stack): Promise<void> {
  const log = await openLog(stack);
  await log.ensureTopics(catalogue.topics.filter(({ name }) => name === TOPIC));
  for (const { topic, partition, end } of await log.describe()) {
    if (topic === TOPIC) await log.seekGroup('bench', topic, partition, end);
  }
  await log.close();
}

function partitionsOf(ready: Record<string, unknown>): number {
  const { events } = ready['details'] as { events?: { partitions?: readonly string[] } };
  return events?.partitions?.length ?? 0;
}

interface Write {
  readonly due: number;
  readonly committed: number;
  /** The same as milliseconds since 1970. */
  readonly committedAt: number;
}

async function run(pool: Pool, consumer: Child, { rate, seconds }: LatencyOptions): Promise<Latency> {
  const writes = new Map<string, Write>();
  const inHand: Promise<void>[] = [];
  const begun = now() + 100;
  for (let index = 0; index < rate * seconds; index++) {
    const due = begun + (index * 1_000) / rate;
    const early = due - now();
    // Timers fire up to a millisecond late, which would count.
    if (early > 1) await pause(early - 0.5);
    inHand.push(
      write(pool).then((id) => {
        writes.set(id, { due, committed: now(), committedAt: Date.now() });
      }),
    );
  }
  await Promise.all(inHand);
  const handled = new Map<string, Handled>();
  await eventually(async () => {
    const more = await consumer.ask<Handled[]>('handled?');
    for (const each of more) if (writes.has(each.id)) handled.set(each.id, each);
    return handled.size === writes.size;
  }, 120_000);
  const events = [...handled].map(([id, each]) => ({ ...each, ...(writes.get(id) as Write) }));
  const spread = (ms: (event: (typeof events)[number]) => number) => spreadOf(events.map(ms));
  return {
    rate,
    events: events.length,
    committed: spread(({ at, committed }) => Number(BigInt(at)) / MS - committed),
    due: spread(({ at, due }) => Number(BigInt(at)) / MS - due),
    stages: {
      toLog: spread(({ appended, committedAt }) => appended - committedAt).p50,
      toHandler: spread(({ begun, appended }) => begun - appended).p50,
      toCommit: spread(
        ({ at, committed, committedAt, begun }) =>
          Number(BigInt(at)) / MS - committed - (begun - committedAt),
      ).p50,
    },
  };
}

/** One event in its own transaction, as a use case commits it. */
async function write(pool: Pool): Promise<string> {
  const event = newEvent();
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await addToOutbox(client, [event]);
    await client.query('COMMIT');
    return event.id;
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
