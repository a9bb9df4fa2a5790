import { EventLog, type OutgoingRecord } from '@atlas/ports/adapters';
import { createService, loadConfig, type ServiceDefinition, startService } from '@atlas/service';
import { createTestDatabase, eventually, publish, type TestDatabase } from '@atlas/testing';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { Replica, type Request, type Response, type Token } from './replica';

type Env = Readonly<Record<string, string>>;

export interface ContextOptions {
  /** Default 1. */
  readonly replicas?: number;
  /** Environment settings in addition to the locations of the databases and the event log. */
  readonly env?: Env;
}

/** An event in the context's outbox, committed. */
export interface CommittedEvent {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly version: number;
  readonly correlationId: string;
  readonly causationId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * Starts a single context with new databases for itself and the event log. The test simulates the other contexts.
 * @param definition the context's app, e.g. `lendingApp`.
 */
export async function startContext<Shape extends z.ZodRawShape>(
  definition: ServiceDefinition<Shape>,
  { replicas = 1, env = {} }: ContextOptions = {},
): Promise<Context> {
  const databases = [await createTestDatabase(), await createTestDatabase()] as const;
  const [own, log] = databases;
  const all = { PORT: '0', DATABASE_URL: own.url, EVENT_LOG_URL: log.url, LOG_LEVEL: 'silent', ...env };
  const settings = loadConfig(definition.settings, all);
  const context = new Context(all, databases, async () => {
    const app = await createService(definition, settings);
    try {
      if (definition.events)
        await app.get(EventLog, { strict: false }).ensureTopics(definition.events.topics);
      return new Replica(app, await startService(app, settings as Parameters<typeof startService>[1]));
    } catch (error) {
      await app.close();
      throw error;
    }
  });
  try {
    for (let started = 0; started < replicas; started++) await context.addReplica();
  } catch (error) {
    await context.stop();
    throw error;
  }
  return context;
}

/** A running context. Methods that use a single replica use the first one by default. */
export class Context {
  private readonly running: Replica[] = [];

  constructor(
    /** The settings of all replicas. */
    readonly env: Env & { readonly DATABASE_URL: string; readonly EVENT_LOG_URL: string },
    private readonly databases: readonly TestDatabase[],
    private readonly startReplica: () => Promise<Replica>,
  ) {}

  get replicas(): readonly [Replica, ...Replica[]] {
    const [first, ...others] = this.running;
    if (!first) throw new Error('No replica is running');
    return [first, ...others];
  }

  get dataSource(): DataSource {
    return this.get(DataSource);
  }

  get eventLog(): EventLog {
    return this.get(EventLog);
  }

  get<T>(token: Token<T>): T {
    return this.replicas[0].get(token);
  }

  send(...request: Parameters<Replica['send']>): Promise<Response> {
    return this.replicas[0].send(...request);
  }

  inject(request: Request): Promise<Response> {
    return this.replicas[0].inject(request);
  }

  query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return this.dataSource.query(sql, [...parameters]);
  }

  /** Publishes records as other contexts' relays would; create them with `recordOf`. */
  publish(...records: readonly OutgoingRecord[]): Promise<void> {
    return publish(this.eventLog, ...records);
  }

  /** Waits until the context has handled the events of all these records. */
  async handled(...records: readonly OutgoingRecord[]): Promise<void> {
    const ids = new Set(records.map(({ headers }) => headers['ce_id']));
    await eventually(async () => {
      const rows = await this.query('SELECT FROM inbox WHERE event_id = ANY ($1::uuid[])', [[...ids]]);
      return rows.length === ids.size;
    });
  }

  /** The committed events of the context, oldest first. @param subject limits them to one aggregate. */
  outbox(subject?: string): Promise<CommittedEvent[]> {
    return this.query(
      `SELECT event_id AS id, headers ->> 'ce_type' AS type, aggregate_id AS subject, aggregate_version AS version,
         headers ->> 'ce_correlationid' AS "correlationId", headers ->> 'ce_causationid' AS "causationId",
         convert_from(payload, 'UTF8')::jsonb AS data
       FROM outbox WHERE aggregate_id = coalesce($1, aggregate_id) ORDER BY outbox.id`,
      [subject],
    );
  }

  /** The published events of an aggregate, oldest first, each as type and version: `lending.book-lent 1`. */
  async told(subject: string): Promise<string[]> {
    return (await this.outbox(subject)).map(({ type, version }) => `${type} ${version}`);
  }

  /** The number of statements that wait for another transaction's lock. */
  async waitingForLocks(): Promise<number> {
    const waiting = await this.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return waiting.length;
  }

  async addReplica(): Promise<Replica> {
    const replica = await this.startReplica();
    this.running.push(replica);
    return replica;
  }

  /** Replaces a replica by a new one. */
  async restart(replica: Replica): Promise<Replica> {
    await replica.stop();
    this.running.splice(this.running.indexOf(replica), 1);
    return this.addReplica();
  }

  async stop(): Promise<void> {
    for (const replica of this.running.splice(0)) await replica.stop();
    for (const database of this.databases) await database.drop();
  }
}
