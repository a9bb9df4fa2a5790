import { type Check, Checking } from '@atlas/context';
import { catalogue } from '@atlas/contracts';
import { topicOf } from '@atlas/events';
import type { EventLog } from '@atlas/ports/adapters';
import type { Client } from 'pg';
import { positionsOf } from '../consumer-positions';

/** One service as the audit sees it: its name, which is its consumer group's too, and its database. */
export interface AuditedService {
  readonly name: string;
  readonly database: Client;
}

interface LoggedEvent {
  /** Undefined if the record is no event: such a record must be in the dead letters of whoever read it. */
  readonly id: string | undefined;
  /** The identity of its topic: a letter of a former topic accounts for no record of this one. */
  readonly log: string;
  readonly partition: number;
  readonly offset: number;
  /** When the log took it in, milliseconds since 1970. */
  readonly timestamp: number;
}

/** What is still on its way: the reason why something may not be settled yet. */
export interface InFlight {
  /** Outbox rows that are not on the log yet, by service. */
  readonly unpublished: Readonly<Record<string, number>>;
  /** Records that a consumer has not handled yet, by `consumer ← topic`. */
  readonly unhandled: Readonly<Record<string, number>>;
  /** Open dead letters, by service. */
  readonly deadLetters: Readonly<Record<string, number>>;
}

/**
 * Checks every step of the way from outbox to log to inbox, for all services: nothing lost, doubled or reordered.
 * Reads the whole log and the outbox and inbox tables; memory grows with the number of events (some 200 bytes each).
 */
export async function auditBackbone(
  services: readonly AuditedService[],
  log: EventLog,
): Promise<{ checks: readonly Check[]; inFlight: InFlight }> {
  const published = new Checking('every outbox row is on the log once');
  const ordered = new Checking("the log has each aggregate's events in order, without gaps");
  const handled = new Checking('every event was handled once by each consumer');
  const placed = new Checking('the log has whatever comes next for each consumer');
  const unpublished: Record<string, number> = {};
  const unhandled: Record<string, number> = {};
  const deadLetters: Record<string, number> = {};

  const partitions = await log.describe(services.map(({ name }) => topicOf(name)));
  const topics = new Map<string, readonly LoggedEvent[]>();
  for (const service of services) {
    const topic = topicOf(service.name);
    const events: LoggedEvent[] = [];
    // Of what a partition took in before its oldest record, its retention has left nothing.
    let forgottenUntil = 0;
    for (const { partition, start } of partitions.filter((description) => description.topic === topic)) {
      const found = await readPartition(log, topic, partition, start, ordered);
      if (start > 0) forgottenUntil = Math.max(forgottenUntil, found[0]?.timestamp ?? Date.now());
      events.push(...found);
    }
    topics.set(topic, events);
    unpublished[service.name] = await checkOutbox(service, events, forgottenUntil, published);
  }

  for (const { name, database } of services) {
    const inbox = await idsOf(database, 'SELECT event_id FROM inbox WHERE consumer = $1', [name]);
    const letters = await deadLettersOf(database, name);
    deadLetters[name] = letters.open;
    const known = new Set<string>();
    const positions = await positionsOf(name, database, partitions);
    for (const { topic, partition, gap } of positions) {
      placed.look(`${name} ← ${topic}/${partition}`, gap && `${gap}; see docs/positions.md`);
    }
    for (const [topic, events] of topics) {
      const next = new Map(
        positions.filter((each) => each.topic === topic).map((each) => [each.partition, each.position]),
      );
      let waiting = 0;
      for (const { id, log: identity, partition, offset } of events) {
        if (id) known.add(id);
        const end = next.get(partition);
        if (end === undefined) continue;
        if (offset >= end) {
          waiting++;
          continue;
        }
        const isLetter = letters.all.has(`${topic}/${identity}/${partition}/${offset}`);
        const found = (id !== undefined && inbox.has(id)) || isLetter;
        handled.look(
          `${name} ← ${topic}/${partition}/${offset}`,
          !found && `event ${id ?? 'without id'} is neither handled nor set aside`,
        );
      }
      if (next.size > 0) unhandled[`${name} ← ${topic}`] = waiting;
    }
    // A log whose oldest records were deleted tells no more of them.
    if (partitions.every(({ start }) => start === 0)) {
      for (const id of inbox) {
        if (!known.has(id)) handled.look(`${name} ← ${id}`, 'handled, but no such event is on the log');
      }
    }
  }
  return {
    checks: [published.result, ordered.result, handled.result, placed.result],
    inFlight: { unpublished, unhandled, deadLetters },
  };
}

/** Reads a partition's events and checks on the way that each aggregate's versions follow one another. */
async function readPartition(
  log: EventLog,
  topic: string,
  partition: number,
  start: number,
  ordered: Checking,
): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  const versions = new Map<string, number>();
  for await (const record of log.read(topic, partition)) {
    const decoded = catalogue.decode(record);
    // Of a type or version that this command doesn't know, a newer process may have made an event.
    const event = decoded.ok ? decoded.value : decoded.error.event;
    events.push({
      id: event?.id,
      log: record.log,
      partition,
      offset: record.offset,
      timestamp: record.timestamp,
    });
    if (!event) continue;
    const { subject, aggregateVersion, type } = event;
    const before = versions.get(subject);
    versions.set(subject, aggregateVersion);
    // If the log's oldest records were deleted, an aggregate may begin anywhere.
    const expected = before === undefined ? (start > 0 ? aggregateVersion : 1) : before + 1;
    ordered.look(
      `${topic}/${partition}/${record.offset}`,
      aggregateVersion !== expected &&
        `${type} of ${subject} has version ${aggregateVersion} where ${expected} follows`,
    );
  }
  return events;
}

async function checkOutbox(
  { name, database }: AuditedService,
  events: readonly LoggedEvent[],
  forgottenUntil: number,
  published: Checking,
): Promise<number> {
  const times = new Map<string, number>();
  for (const { id } of events) if (id) times.set(id, (times.get(id) ?? 0) + 1);
  const { rows } = await database.query<{ event_id: string; aggregate_id: string; at: Date; age: number }>(
    `SELECT event_id, aggregate_id, created_at AS at, extract(epoch FROM now() - created_at)::float AS age
     FROM outbox ORDER BY id`,
  );
  let waiting = 0;
  for (const row of rows) {
    const count = times.get(row.event_id) ?? 0;
    times.delete(row.event_id);
    if (count === 0 && row.at.getTime() < forgottenUntil) continue;
    if (count === 0) waiting++;
    published.look(
      `${name} ${row.event_id}`,
      count === 0
        ? `an event of ${row.aggregate_id} waits in the outbox for ${row.age.toFixed(1)} s`
        : count > 1 && `an event of ${row.aggregate_id} is on the log ${count} times`,
    );
  }
  // The outbox forgets after its retention, the log may keep for longer; so only a whole outbox tells of strangers.
  const [first] = (await database.query<{ id: string }>('SELECT min(id) AS id FROM outbox')).rows;
  if (first?.id === '1') {
    for (const id of times.keys()) published.look(`${name} ${id}`, 'on the log, but not in the outbox');
  }
  return waiting;
}

async function idsOf(database: Client, sql: string, parameters: readonly string[]): Promise<Set<string>> {
  const { rows } = await database.query<{ event_id: string }>(sql, [...parameters]);
  return new Set(rows.map((row) => row.event_id));
}

async function deadLettersOf(
  database: Client,
  consumer: string,
): Promise<{ readonly all: ReadonlySet<string>; readonly open: number }> {
  const { rows } = await database.query<{ position: string; open: boolean }>(
    `SELECT topic || '/' || log || '/' || partition || '/' || "offset" AS position, resolution IS NULL AS open
     FROM dead_letter WHERE consumer = $1`,
    [consumer],
  );
  return { all: new Set(rows.map(({ position }) => position)), open: rows.filter(({ open }) => open).length };
}
