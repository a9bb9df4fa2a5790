import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { connectDatabase, PostgresOutboxSource } from '@atlas/adapters/postgres';
import type { ConsumedRecord, EventLog, PartitionDescription } from '@atlas/ports/adapters';
import { SeededRandom, eventually } from '@atlas/testing';
import { Client } from 'pg';

const SERVICE = 'lending';
export const TOPIC = `${SERVICE}.events`;
const AGGREGATES = 10;
const WRITERS = 4;

const keyOf = (aggregate: number) => `book-${aggregate}`;

/**
 * A service's database with ten aggregates that writers compete for, and the topic that its relay publishes to. Ignores
 * records that earlier tests left on the topic.
 */
export class BusyOutbox {
  private load: { isRunning: boolean; readonly writers: Promise<unknown> } | undefined;

  private constructor(
    private readonly url: string,
    private readonly log: EventLog,
    private readonly ends: readonly PartitionDescription[],
    private readonly random: SeededRandom,
  ) {}

  static async at(url: string, log: EventLog, random = new SeededRandom(1)): Promise<BusyOutbox> {
    return new BusyOutbox(url, log, await log.describe(), random);
  }

  /** What the service does on startup. */
  async prepare(): Promise<void> {
    await (await connectDatabase({ url: this.url })).destroy();
    await this.query(`
      CREATE TABLE aggregate (id text PRIMARY KEY, version integer NOT NULL DEFAULT 0);
      INSERT INTO aggregate (id) SELECT 'book-' || n FROM generate_series(0, ${AGGREGATES - 1}) AS n`);
  }

  /**
   * If earlier tests have published to this log from other databases, a relay would find their cursor and stop. To be
   * called before a relay starts.
   */
  async replaceOthers(): Promise<void> {
    const source = new PostgresOutboxSource({ url: this.url });
    await source.acquire(AbortSignal.timeout(10_000));
    const session = await this.log.openPublisher(SERVICE);
    if (session.cursor !== undefined) await session.publish([], await source.adopt(undefined, undefined));
    await session.close();
    await source.close();
  }

  async connect(): Promise<Client> {
    const client = new Client({ connectionString: this.url, connectionTimeoutMillis: 2_000 });
    // Its users see the broken connection anyway.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  async query<Row extends object>(sql: string): Promise<Row[]> {
    const client = await this.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** Locks an aggregate and writes its next event in the open transaction. */
  async append(client: Client, aggregate: number): Promise<void> {
    const id = keyOf(aggregate);
    const { rows } = await client.query<{ version: number }>(
      'UPDATE aggregate SET version = version + 1 WHERE id = $1 RETURNING version',
      [id],
    );
    const headers = JSON.stringify({ ce_id: randomUUID(), version: String(rows[0]?.version) });
    await client.query(
      `INSERT INTO outbox (event_id, topic, aggregate_id, aggregate_version, headers, payload)
       VALUES (($1::jsonb ->> 'ce_id')::uuid, $2, $3, ($1::jsonb ->> 'version')::integer, $1, '{}')`,
      [headers, TOPIC, id],
    );
  }

  /** Locks the aggregates in turn and writes an event of each, in one transaction. */
  async change(client: Client, end: 'COMMIT' | 'ROLLBACK', ...aggregates: number[]): Promise<void> {
    await client.query('BEGIN');
    for (const aggregate of [...aggregates].sort()) await this.append(client, aggregate);
    // Simulates other work while the locks are held.
    await client.query('SELECT pg_sleep(0.005)');
    await client.query(end);
  }

  /** Writes many events of one aggregate in one commit. */
  async fill(rows: number): Promise<void> {
    await this.query(`
      WITH changed AS (
        UPDATE aggregate SET version = version + ${rows} WHERE id = '${keyOf(0)}' RETURNING id, version
      ), event AS (
        SELECT id, version - ${rows} + n AS version, gen_random_uuid() AS event_id
        FROM changed, generate_series(1, ${rows}) AS n ORDER BY n
      )
      INSERT INTO outbox (event_id, topic, aggregate_id, aggregate_version, headers, payload)
      SELECT event_id, '${TOPIC}', id, version,
        jsonb_build_object('ce_id', event_id, 'version', version::text), '{}' FROM event ORDER BY version`);
  }

  /** Runs several writers until {@link stopLoad}. They resume after the database was unavailable. */
  startLoad(): void {
    const load = { isRunning: true, writers: Promise.resolve() as Promise<unknown> };
    load.writers = Promise.all(Array.from({ length: WRITERS }, () => this.write(load)));
    this.load = load;
  }

  async stopLoad(): Promise<void> {
    if (!this.load) return;
    this.load.isRunning = false;
    await this.load.writers;
  }

  private async write(load: { readonly isRunning: boolean }): Promise<void> {
    const { random } = this;
    let client: Client | undefined;
    while (load.isRunning) {
      try {
        client ??= await this.connect();
        const picks = Array.from({ length: random.whole(1, 3) }, () => random.whole(0, AGGREGATES - 1));
        await this.change(client, random.fraction() < 0.2 ? 'ROLLBACK' : 'COMMIT', ...new Set(picks));
      } catch {
        await client?.end().catch(() => undefined);
        client = undefined;
        await pause(50);
      }
    }
    await client?.end();
  }

  /** The records visible to readers of committed records. */
  async published(): Promise<ConsumedRecord[]> {
    const records: ConsumedRecord[] = [];
    for (const { topic, partition } of (await this.log.describe()).filter(({ topic }) => topic === TOPIC)) {
      const from = this.ends.find((each) => each.topic === topic && each.partition === partition)?.end ?? 0;
      for await (const record of this.log.read(topic, partition, from)) records.push(record);
    }
    return records;
  }

  /** The end offsets of the topic; may exceed the number of records. */
  async growth(): Promise<number> {
    const endOf = (partitions: readonly PartitionDescription[]) =>
      partitions.filter(({ topic }) => topic === TOPIC).reduce((sum, { end }) => sum + end, 0);
    return endOf(await this.log.describe()) - endOf(this.ends);
  }

  /** Waits until readers have every committed row, then checks that they have it once and in its aggregate's order. */
  async expectEachEventOnceAndInOrder(): Promise<void> {
    const committed = await this.query<{ event_id: string }>('SELECT event_id FROM outbox');
    const records = await eventually(async () => {
      const found = await this.published();
      return found.length >= committed.length && found;
    }, 120_000);
    expect(records.map(({ headers }) => headers['ce_id']).sort()).toEqual(
      committed.map((row) => row.event_id).sort(),
    );
    const versions = new Map<string | null, number>();
    for (const { key, headers } of records) {
      const expected = (versions.get(key) ?? 0) + 1;
      expect(`${key} ${headers['version']}`).toBe(`${key} ${expected}`);
      versions.set(key, expected);
    }
  }
}
