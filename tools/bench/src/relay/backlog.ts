import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '@atlas/testing';
import { Client } from 'pg';
import { Child } from '../child';
import { say } from '../figures';
import type { Stack } from '../stack';
import { newEvent, SERVICE, TOPIC } from './events';

export interface BacklogOptions {
  /** Numbers of waiting rows. */
  readonly sizes: readonly number[];
  /** Rows per page, which is one transaction on the log. */
  readonly batchRows: number;
  /** `postgres://…` of the relay's database, with its tables. */
  readonly database: string;
}

export interface Backlog {
  readonly rows: number;
  readonly published: number;
  /** From when the relay owns the outbox until the first page is on the log, seconds. */
  readonly first: number;
  /** Events per second from then until all are on the log, or for a minute; undefined for a single page. */
  readonly rate: number | undefined;
  /** The most memory that the relay's process has used, MiB. */
  readonly memoryMiB: number;
}

const LOOK_EVERY_MS = 20;
const PATIENCE_MS = 60_000;

/**
 * Starts a relay in front of a backlog, once for each size. The rows were committed while none was running, behind those
 * that the run before has published, which stay in the table.
 */
export async function measureBacklog(stack: Stack, options: BacklogOptions): Promise<readonly Backlog[]> {
  const figures: Backlog[] = [];
  let left = 0;
  for (const rows of options.sizes) {
    await fill(options.database, rows - left);
    say(`${rows} rows wait`);
    const relay = Child.app('outbox-relay', {
      SERVICE,
      DATABASE_URL: options.database,
      EVENT_LOG_URL: stack.eventLog,
      RELAY_BATCH_ROWS: String(options.batchRows),
    });
    try {
      const figure = await measure(relay, rows);
      figures.push(figure);
      left = rows - figure.published;
    } finally {
      await relay.stop();
    }
    const { first, rate } = figures.at(-1) as Backlog;
    say(`the first page after ${first.toFixed(2)} s, then ${Math.round(rate ?? 0)} events/s`);
  }
  return figures;
}

async function measure(relay: Child, rows: number): Promise<Backlog> {
  const published = async () => Number((await relay.get('/relay'))['published']);
  const owned = await eventually(async () => {
    const { role } = await relay.get('/relay');
    return role === 'owner' && performance.now();
  }, 120_000);
  let [count, at] = [0, owned];
  const next = async () => {
    await pause(LOOK_EVERY_MS);
    [count, at] = [await published(), performance.now()];
  };
  while (count === 0 && at < owned + PATIENCE_MS) await next();
  if (count === 0) throw new Error(`Nothing of ${rows} rows was published within ${PATIENCE_MS / 1_000} s`);
  const [firstCount, firstAt] = [count, at];
  while (count < rows && at < firstAt + PATIENCE_MS) await next();
  return {
    rows,
    published: count,
    first: (firstAt - owned) / 1_000,
    rate: count > firstCount ? ((count - firstCount) * 1_000) / (at - firstAt) : undefined,
    memoryMiB: await peakMemoryMiB(relay.pid),
  };
}

/** Copies of one event of its own aggregate each; a million takes about half a minute. */
async function fill(url: string, rows: number): Promise<void> {
  const { headers, value } = newEvent();
  const client = new Client({ connectionString: url });
  await client.connect();
  const chunk = 500_000;
  for (let left = rows; left > 0; left -= chunk) {
    await client.query(
      `INSERT INTO outbox (event_id, topic, aggregate_id, aggregate_version, headers, payload)
       SELECT event_id, $1, aggregate_id, 1,
         $2::jsonb || jsonb_build_object('ce_id', event_id, 'ce_subject', aggregate_id, 'ce_partitionkey', aggregate_id), $3
       FROM (
         SELECT gen_random_uuid() AS event_id, gen_random_uuid()::text AS aggregate_id FROM generate_series(1, $4::integer)
       ) AS event`,
      [TOPIC, JSON.stringify(headers), value, Math.min(left, chunk)],
    );
  }
  await client.end();
}

/** Linux only; 0 elsewhere. */
async function peakMemoryMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1_024);
}
