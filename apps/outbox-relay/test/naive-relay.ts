import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { EventLog, PublisherSession } from '@atlas/ports/adapters';
import type { Client } from 'pg';

type Row = Readonly<Record<string, string>>;

/** How a naive relay stores its position and queries what follows. */
export interface NaiveCursor {
  readonly query: string;
  /** The parameters of the query, initially and after a row. */
  readonly start: readonly string[];
  readonly after: (row: Row) => readonly string[];
}

const field = (row: Row, name: string) => row[name] as string;

/** As in most samples. */
export const BY_ID: NaiveCursor = {
  query: 'SELECT * FROM outbox WHERE id > $1 ORDER BY id',
  start: ['0'],
  after: (row) => [field(row, 'id')],
};

/** Below the oldest running transaction, ordered by transaction id. */
export const BY_XID_AND_ID: NaiveCursor = {
  query: `SELECT * FROM outbox WHERE (xid, id) > ($1::xid8, $2::bigint)
    AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, id`,
  start: ['0', '0'],
  after: (row) => [field(row, 'xid'), field(row, 'id')],
};

/** Windows up to the oldest running transaction, ordered by id within a window. */
export const BY_HORIZON: NaiveCursor = {
  query: `SELECT *, pg_snapshot_xmin(pg_current_snapshot()) AS horizon FROM outbox
    WHERE xid >= $1::xid8 AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY id`,
  start: ['0'],
  after: (row) => [field(row, 'horizon')],
};

/** Publishes an outbox to its own topic with a faulty kind of cursor until it is stopped. */
export class NaiveRelay {
  private marks: readonly string[];
  private isRunning = true;
  private readonly running: Promise<void>;
  private stopped: Promise<void> | undefined;

  private constructor(
    private readonly log: EventLog,
    private readonly topic: string,
    private readonly session: PublisherSession,
    private readonly client: Client,
    private readonly cursor: NaiveCursor,
  ) {
    this.marks = cursor.start;
    this.running = this.run();
  }

  static async start(log: EventLog, client: Client, cursor: NaiveCursor): Promise<NaiveRelay> {
    const topic = `naive.${randomUUID()}`;
    await log.ensureTopics([{ name: topic, partitions: 1 }]);
    return new NaiveRelay(log, topic, await log.openPublisher(topic), client, cursor);
  }

  /** The events that it has published, such as "book-1 2", in order. */
  async published(): Promise<readonly string[]> {
    const events: string[] = [];
    for await (const { key, headers } of this.log.read(this.topic, 0))
      events.push(`${key} ${headers['version']}`);
    return events;
  }

  /** Stops after reading what is committed by now. */
  stop(): Promise<void> {
    this.stopped ??= this.end();
    return this.stopped;
  }

  private async end(): Promise<void> {
    this.isRunning = false;
    await this.running;
    await this.poll();
    await this.session.close();
  }

  private async run(): Promise<void> {
    while (this.isRunning) {
      await this.poll();
      await pause(5);
    }
  }

  private async poll(): Promise<void> {
    const { rows } = await this.client.query<Row>(this.cursor.query, [...this.marks]);
    const last = rows.at(-1);
    if (!last) return;
    this.marks = this.cursor.after(last);
    const records = rows.map((row) => ({
      topic: this.topic,
      key: field(row, 'aggregate_id'),
      headers: { version: String(row['aggregate_version']) },
      value: Buffer.from('{}'),
    }));
    await this.session.publish(records, this.marks.join());
  }
}
