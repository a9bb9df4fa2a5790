import { setTimeout as sleep } from 'node:timers/promises';
import { openEventLog } from '@atlas/adapters/event-log';
import { catalogue } from '@atlas/contracts';
import type { ConsumedRecord, EventLog } from '@atlas/ports/adapters';
import Table from 'cli-table3';
import { connect } from '../platform';
import { printable } from '../printable';
import { SERVICES } from '../topology';
import { UserError } from '../user-error';

export interface DescribeOptions {
  readonly json?: boolean;
}

export interface TailOptions {
  readonly json?: boolean;
  /** Include existing events. */
  readonly fromBeginning?: boolean;
  /** Stop after this many events. */
  readonly limit?: number;
  readonly key?: string;
  readonly type?: string;
  /** Include the event data. */
  readonly data?: boolean;
}

interface GroupPosition {
  readonly group: string;
  readonly committed: number;
  /** Offsets up to the end: records not handled yet, and offsets that the log uses internally. */
  readonly lag: number;
}

interface DescribedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly start: number;
  readonly end: number;
  readonly groups: readonly GroupPosition[];
}

const POLL_MS = 250;
const TOPICS = catalogue.topics.map(({ name }) => name);

/** Shows topics, partitions, and the position of each consumer group. */
export async function runDescribe({ json }: DescribeOptions): Promise<number> {
  const partitions = await withLog(describeLog);
  if (json) {
    process.stdout.write(`${JSON.stringify(partitions, undefined, 2)}\n`);
    return 0;
  }
  const groups = [...new Set(partitions.flatMap((each) => each.groups.map(({ group }) => group)))].sort();
  const table = new Table({
    head: ['topic', 'partition', 'start', 'end', ...groups.map((group) => `${group} (lag)`)],
    colAligns: ['left', 'right', 'right', 'right', ...groups.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const { topic, partition, start, end, groups: positions } of partitions) {
    const position = new Map(positions.map(({ group, committed, lag }) => [group, `${committed} (${lag})`]));
    table.push([topic, partition, start, end, ...groups.map((group) => position.get(group) ?? '')]);
  }
  process.stdout.write(`${table.toString()}\n`);
  return 0;
}

async function describeLog(log: EventLog): Promise<readonly DescribedPartition[]> {
  // Read the groups first, so that none can be ahead of the end.
  const offsets = await log.groupOffsets(SERVICES);
  const partitions = await log.describe(TOPICS);
  return partitions.map(({ topic, partition, start, end }) => ({
    topic,
    partition,
    start,
    end,
    groups: offsets
      .filter((offset) => offset.topic === topic && offset.partition === partition)
      .map(({ group, committed }) => ({ group, committed, lag: Math.max(0, end - committed) })),
  }));
}

/** Prints a line per record as it arrives, until it is stopped. Records of a partition stay in order. */
export async function runTail(options: TailOptions, topics: readonly string[]): Promise<number> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, stop);
  // The reader has closed the pipe, as `head` does.
  process.stdout.once('error', stop);
  await withLog((log) => tail(log, options, topics, stopping.signal));
  return 0;
}

async function tail(
  log: EventLog,
  { json, fromBeginning, limit = Infinity, key, type, data }: TailOptions,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const next = new Map<string, number>();
  let left = limit;
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const partitions = await log.describe(topics.length === 0 ? TOPICS : topics);
    if (isFirst) {
      const missing = topics.find((name) => !partitions.some(({ topic }) => topic === name));
      if (missing)
        throw new UserError(`There is no topic "${missing}": "npx atlas events describe" lists them`);
    }
    for (const { topic, partition, start, end } of partitions) {
      const name = `${topic}/${partition}`;
      const from = next.get(name) ?? (isFirst && !fromBeginning ? end : start);
      next.set(name, Math.max(from, end));
      if (from >= end) continue;
      for await (const record of log.read(topic, partition, from)) {
        if (signal.aborted) return;
        next.set(name, Math.max(next.get(name) ?? 0, record.offset + 1));
        if (key !== undefined && record.key !== key) continue;
        if (type !== undefined && record.headers['ce_type'] !== type) continue;
        process.stdout.write(`${json ? JSON.stringify(toJson(record)) : describe(record, data ?? false)}\n`);
        left -= 1;
        if (left === 0) return;
      }
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

function describe(record: ConsumedRecord, withData: boolean): string {
  const { topic, partition, offset, key, headers, value } = record;
  const decoded = catalogue.decode(record);
  const time = new Date(record.timestamp).toISOString();
  const what = decoded.ok
    ? `${decoded.value.type} #${decoded.value.aggregateVersion} id=${decoded.value.id} correlation=${decoded.value.correlationId}`
    : `(${decoded.error.kind}: ${decoded.error.reason})`;
  const trace = headers['traceparent'] ? ` trace=${headers['traceparent']}` : '';
  const data = withData ? ` ${printable(value?.toString() ?? 'no value', Infinity)}` : '';
  const shownKey = key === null ? '–' : printable(key, 100);
  return `${time} ${topic}/${partition}@${offset} ${shownKey} ${printable(what + trace)}${data}`;
}

function toJson(record: ConsumedRecord): object {
  const { topic, partition, offset, key, headers, value, timestamp } = record;
  const decoded = catalogue.decode(record);
  return {
    topic,
    partition,
    offset,
    key,
    time: new Date(timestamp).toISOString(),
    headers,
    ...(decoded.ok
      ? { event: decoded.value }
      : { problem: decoded.error, base64: value?.toString('base64') ?? null }),
  };
}

async function withLog<T>(work: (log: EventLog) => Promise<T>): Promise<T> {
  const { eventLog } = await connect();
  const log = await openEventLog('atlas', eventLog, (error) =>
    process.stderr.write(`the event log: ${String(error)}\n`),
  );
  try {
    return await work(log);
  } finally {
    await log.close();
  }
}
