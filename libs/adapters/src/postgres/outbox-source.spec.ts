import { randomUUID } from 'node:crypto';
import type { OutgoingRecord } from '@atlas/ports/adapters';
import { createTestDatabase, eventually, type TestDatabase } from '@atlas/testing';
import * as fc from 'fast-check';
import { Client } from 'pg';
import { connectDatabase } from './data-source';
import { PostgresOutboxSource } from './outbox-source';

const never = new AbortController().signal;
/** Far beyond the test timeout: a wait this long means a missed wake-up. */
const NEVER_MS = 600_000;

/** A test event as aggregate and version, such as "book 2". */
const nameOf = (record: OutgoingRecord) => `${record.key} ${record.headers['version']}`;

describe('the outbox of a service', () => {
  let database: TestDatabase;
  let source: PostgresOutboxSource;
  let cursor: string | undefined;
  let clients: Client[];
  let onlooker: Client;

  beforeEach(async () => {
    database = await createTestDatabase();
    await (await connectDatabase({ url: database.url })).destroy();
    clients = [];
    onlooker = await connect();
    cursor = undefined;
    source = new PostgresOutboxSource({ url: database.url });
    await onDatabase('CREATE TABLE aggregate (id text PRIMARY KEY, version integer NOT NULL DEFAULT 0)');
    await onDatabase("INSERT INTO aggregate (id) VALUES ('book'), ('loan')");
  });

  afterEach(async () => {
    await source.close();
    await Promise.all(clients.map((client) => client.end()));
    await database.drop();
  });

  async function connect(url = database.url): Promise<Client> {
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  }

  async function onDatabase<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await onlooker.query<Row>(sql, values)).rows;
  }

  /** Begins a transaction that already has its id, as if it had written something before. */
  async function begin(url = database.url): Promise<Client> {
    const client = await connect(url);
    await client.query('BEGIN');
    await client.query('SELECT pg_current_xact_id()');
    return client;
  }

  const lock = async (client: Client, aggregate: string) => {
    await client.query('SELECT 1 FROM aggregate WHERE id = $1 FOR UPDATE', [aggregate]);
  };

  /** Locks an aggregate and writes its next event, as a use case does. */
  async function append(client: Client, aggregate: string, payload = Buffer.from('{}')): Promise<string> {
    const { rows } = await client.query<{ version: number }>(
      'UPDATE aggregate SET version = version + 1 WHERE id = $1 RETURNING version',
      [aggregate],
    );
    const version = rows[0]?.version;
    const eventId = randomUUID();
    await client.query(
      `INSERT INTO outbox (event_id, topic, aggregate_id, aggregate_version, headers, payload)
       VALUES ($1, 'library.events', $2, $3, $4, $5)`,
      [eventId, aggregate, version, JSON.stringify({ version: String(version), id: eventId }), payload],
    );
    return eventId;
  }

  const isWaitingForLock = async (client: Client) => {
    const pid = (client as unknown as { processID: number }).processID;
    const [row] = await onDatabase<{ waiting: boolean }>(
      `SELECT wait_event_type = 'Lock' AS waiting FROM pg_stat_activity WHERE pid = $1`,
      [pid],
    );
    return row?.waiting;
  };

  /** Reads from the cursor to the end of the outbox. */
  async function readAll(limit = 1_000): Promise<string[]> {
    const names: string[] = [];
    for (;;) {
      const page = await source.read(cursor, limit);
      names.push(...page.records.map(nameOf));
      cursor = page.cursor;
      if (!page.more) return names;
    }
  }

  /** A reader as most samples write it: remembers the last position and queries what follows. */
  function naiveReader<Mark>(
    start: Mark,
    query: string,
    markOf: (row: Record<string, string>) => Mark[keyof Mark][],
  ) {
    let marks: unknown[] = Object.values(start as object);
    return async (): Promise<string[]> => {
      const rows = await onDatabase<Record<string, string>>(query, marks);
      const last = rows.at(-1);
      if (last) marks = markOf(last);
      return rows.map((row) => `${row['aggregate_id']} ${row['aggregate_version']}`);
    };
  }

  const readerById = () =>
    naiveReader({ id: '0' }, 'SELECT * FROM outbox WHERE id > $1 ORDER BY id', (row) => [
      row['id'] as string,
    ]);

  const readerByXidAndId = () =>
    naiveReader(
      { xid: '0', id: '0' },
      `SELECT * FROM outbox WHERE (xid, id) > ($1::xid8, $2::bigint)
         AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, id`,
      (row) => [row['xid'] as string, row['id'] as string],
    );

  const readerByHorizon = () =>
    naiveReader(
      { from: '0' },
      `SELECT *, pg_snapshot_xmin(pg_current_snapshot()) AS horizon FROM outbox
       WHERE xid >= $1::xid8 AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY id`,
      (row) => [row['horizon'] as string],
    );

  describe('is read in an order that is safe to publish', () => {
    beforeEach(() => source.acquire(never));

    it('delivers an event whose transaction commits after later ones were read; ordering by id loses it', async () => {
      const readById = readerById();
      const slow = await begin();
      await append(slow, 'book');
      const quick = await begin();
      await append(quick, 'loan');
      await quick.query('COMMIT');

      const naive = await readById();
      const read = await readAll();
      await slow.query('COMMIT');
      naive.push(...(await readById()));
      read.push(...(await readAll()));

      expect(naive).toEqual(['loan 1']);
      expect(read).toEqual(['loan 1', 'book 1']);
    });

    it('keeps the order of an aggregate whose second writer began first; ordering by (xid, id) swaps it', async () => {
      const readByXidAndId = readerByXidAndId();
      const second = await begin();
      const first = await begin();
      await append(first, 'book');
      const waiting = append(second, 'book');
      await eventually(() => isWaitingForLock(second));
      await first.query('COMMIT');
      await waiting;
      await second.query('COMMIT');

      expect(await readByXidAndId()).toEqual(['book 2', 'book 1']);
      expect(await readAll()).toEqual(['book 1', 'book 2']);
    });

    it('keeps that order while another transaction runs between the two; horizon windows swap it', async () => {
      const readByHorizon = readerByHorizon();
      const second = await begin();
      const long = await begin();
      const first = await begin();
      await append(first, 'book');
      const waiting = append(second, 'book');
      await eventually(() => isWaitingForLock(second));
      await first.query('COMMIT');
      await waiting;
      await second.query('COMMIT');

      const naive = await readByHorizon();
      const read = await readAll();
      await append(long, 'loan');
      await long.query('COMMIT');
      naive.push(...(await readByHorizon()));
      read.push(...(await readAll()));

      expect(naive).toEqual(['book 2', 'book 1', 'loan 1']);
      expect(read).toEqual(['book 1', 'book 2', 'loan 1']);
    });

    it('keeps that order across pages and across a window opened between the two commits', async () => {
      const second = await begin();
      const first = await begin();
      await append(first, 'loan');
      await append(first, 'book');
      const waiting = append(second, 'book');
      await eventually(() => isWaitingForLock(second));
      await first.query('COMMIT');
      const page = await source.read(cursor, 1);
      cursor = page.cursor;
      await waiting;
      await append(second, 'book');
      await second.query('COMMIT');

      expect(page.records.map(nameOf)).toEqual(['loan 1']);
      expect(await readAll(1)).toEqual(['book 1', 'book 2', 'book 3']);
    });

    it('is not delayed by a long transaction, in this or another database of the server', async () => {
      const readByHorizon = readerByHorizon();
      await begin();
      const other = await createTestDatabase();
      const elsewhere = await begin(other.url);
      const writer = await begin();
      await append(writer, 'book');
      await writer.query('COMMIT');

      expect(await readByHorizon()).toEqual([]);
      expect(await readAll()).toEqual(['book 1']);
      await elsewhere.end();
      await other.drop();
    });

    it('omits events that were rolled back, entirely or to a savepoint', async () => {
      const writer = await begin();
      await append(writer, 'book');
      await writer.query('SAVEPOINT here');
      await append(writer, 'loan');
      await writer.query('ROLLBACK TO here');
      await append(writer, 'book');
      const undone = await begin();
      await append(undone, 'loan');
      await undone.query('ROLLBACK');
      await writer.query('COMMIT');

      expect(await readAll()).toEqual(['book 1', 'book 2']);
    });

    it('delivers an event whose transaction got an id that was already used before the server crashed', async () => {
      const writer = await begin();
      await append(writer, 'book');
      await writer.query('COMMIT');
      // A crash loses unflushed WAL, including this id; the explicit xid simulates its reuse by the server.
      const [forgotten] = await onDatabase<{ xid: string }>('SELECT pg_current_xact_id() AS xid');
      expect(await readAll()).toEqual(['book 1']);
      expect(await readAll()).toEqual([]);
      await onDatabase(
        `INSERT INTO outbox (xid, event_id, topic, aggregate_id, aggregate_version, headers, payload)
         VALUES ($1, gen_random_uuid(), 'library.events', 'loan', 1, '{"version": "1"}', '')`,
        [forgotten?.xid],
      );

      expect(await readAll()).toEqual(['loan 1']);
    });

    it('compares transaction ids as numbers, not as text', async () => {
      await onDatabase(
        `INSERT INTO outbox (xid, event_id, topic, aggregate_id, aggregate_version, headers, payload)
         SELECT xid, gen_random_uuid(), 'library.events', 'book', xid::text::integer, jsonb_build_object('version', xid), ''
         FROM unnest('{9,10}'::xid8[]) AS given (xid)`,
      );

      expect(await readAll()).toEqual(['book 9', 'book 10']);
      expect(await readAll()).toEqual([]);
    });

    it('refuses a database that was restored on another server, and says what to do', async () => {
      const sentence =
        /transaction ids up to 90000000000, but this server .* restored from a dump .* pg_resetwal --epoch=21,/;
      await expect(source.read('90000000001:90000000001:', 10)).rejects.toThrow(sentence);

      await onDatabase(
        `INSERT INTO outbox (xid, event_id, topic, aggregate_id, aggregate_version, headers, payload)
         VALUES ('90000000000', gen_random_uuid(), 'library.events', 'loan', 1, '{"version": "1"}', '')`,
      );
      await expect(source.read(undefined, 10)).rejects.toThrow(sentence);
    });

    it('refuses an invalid cursor', async () => {
      await expect(source.read('{"from": 1}', 10)).rejects.toThrow('is not an outbox cursor');
    });

    it('returns the records as they were added', async () => {
      const writer = await begin();
      const eventId = await append(writer, 'book', Buffer.from([0, 1, 0xff]));
      await writer.query('COMMIT');

      expect((await source.read(undefined, 10)).records).toEqual([
        {
          topic: 'library.events',
          key: 'book',
          headers: { version: '1', id: eventId },
          value: Buffer.from([0, 1, 0xff]),
        },
      ]);
    });

    it('limits the size of a page, and skips no event', async () => {
      const writer = await begin();
      for (let i = 0; i < 8; i++) await append(writer, 'book', Buffer.alloc(3_000_000, i));
      await append(writer, 'loan', Buffer.alloc(20_000_000));
      await writer.query('COMMIT');

      const sizes: number[] = [];
      for (let more = true; more;) {
        const page = await source.read(cursor, 100);
        if (page.records.length > 0) sizes.push(page.records.length);
        cursor = page.cursor;
        more = page.more;
      }
      expect(sizes).toEqual([3, 3, 3]);
    });

    it('returns every committed event once and in order, whatever the writers do and wherever the reader restarts', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(transactions, { minLength: 1, maxLength: 12 }), { minLength: 2, maxLength: 10 }),
          fc.infiniteStream(fc.integer({ min: 1, max: 12 })),
          fc.infiniteStream(
            fc.constantFrom('go on', 'go on', 'crash before publishing', 'crash after publishing'),
          ),
          async (writers, limits, fates) => {
            await onDatabase('UPDATE aggregate SET version = 0');
            await onDatabase('TRUNCATE outbox');
            let published: OutgoingRecord[] = [];
            let stored = cursor;
            let isWriting = true;
            const reading = (async () => {
              let isLast = false;
              for (let position = stored; ;) {
                const wasWriting = isWriting;
                const page = await source.read(position, limits.next().value as number);
                isLast = !wasWriting && !page.more;
                const fate = fates.next().value;
                if (fate !== 'crash before publishing') {
                  published = [...published, ...page.records];
                  stored = page.cursor;
                  if (isLast) return;
                }
                position = fate === 'go on' ? page.cursor : stored;
              }
            })();
            const write = Promise.all(writers.map(runWriter)).finally(() => (isWriting = false));
            await Promise.all([write, reading]);
            cursor = stored;

            const committed = await onDatabase<{ event_id: string }>('SELECT event_id FROM outbox');
            expect(published.map((record) => record.headers['id']).sort()).toEqual(
              committed.map((row) => row.event_id).sort(),
            );
            const versions: Record<string, number> = {};
            for (const record of published) {
              expect(nameOf(record)).toBe(`${record.key} ${(versions[record.key] ?? 0) + 1}`);
              versions[record.key] = Number(record.headers['version']);
            }
          },
        ),
        // The interleaving of the writers differs between runs, so shrinking a counterexample would prove nothing.
        { numRuns: 25, endOnFailure: true },
      );
    }, 180_000);
  });

  interface Transaction {
    readonly writesBeforeLocking: boolean;
    readonly aggregates: readonly string[];
    readonly events: number;
    readonly runsLong: boolean;
    readonly end: 'COMMIT' | 'ROLLBACK';
  }

  const transactions: fc.Arbitrary<Transaction> = fc.record({
    writesBeforeLocking: fc.boolean(),
    aggregates: fc.constantFrom(['book'], ['loan'], ['book', 'loan'], []),
    events: fc.integer({ min: 1, max: 4 }),
    runsLong: fc.constantFrom(false, false, false, true),
    end: fc.constantFrom('COMMIT', 'COMMIT', 'COMMIT', 'ROLLBACK'),
  });

  async function runWriter(script: readonly Transaction[]): Promise<void> {
    const client = await connect();
    for (const { writesBeforeLocking, aggregates, events, runsLong, end } of script) {
      await client.query('BEGIN');
      if (writesBeforeLocking) await client.query('SELECT pg_current_xact_id()');
      // Simulates work before or after taking the locks that others wait for.
      if (runsLong && writesBeforeLocking) await client.query('SELECT pg_sleep(0.03)');
      for (const aggregate of aggregates) await lock(client, aggregate);
      for (let i = 0; i < events; i++) for (const aggregate of aggregates) await append(client, aggregate);
      if (runsLong) await client.query('SELECT pg_sleep(0.01)');
      await client.query(end);
    }
    await client.end();
  }

  describe('wakes its relay', () => {
    beforeEach(() => source.acquire(never));

    const commitOne = async () => {
      const writer = await begin();
      await append(writer, 'book');
      await writer.query('COMMIT');
    };

    it('when an event is committed while it waits', async () => {
      await readAll();
      const woken = source.changed(NEVER_MS, never);
      await commitOne();
      await woken;
      expect(await readAll()).toEqual(['book 1']);
    });

    it('when an event was committed after the read and before the wait', async () => {
      for (let version = 1; version <= 20; version++) {
        await readAll();
        await commitOne();
        await source.changed(NEVER_MS, never);
        expect(await readAll()).toEqual([`book ${version}`]);
      }
    });

    it('on timeout, or when told to stop', async () => {
      await readAll();
      await source.changed(1, never);
      const stopping = new AbortController();
      const woken = source.changed(NEVER_MS, stopping.signal);
      stopping.abort();
      await woken;
    });

    it('when its connection breaks, so that the relay notices', async () => {
      await readAll();
      const woken = source.changed(NEVER_MS, never);
      await cutRelays();
      await woken;
      await expect(source.read(cursor, 1)).rejects.toThrow('lost ownership of the outbox');
      await source.acquire(never);
      await commitOne();
      expect(await readAll()).toEqual(['book 1']);
    });
  });

  const cutRelays = () =>
    onDatabase(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'outbox-relay' AND datname = current_database()`,
    );

  describe('has one relay at a time', () => {
    let standby: PostgresOutboxSource;
    let isOwner: boolean;

    beforeEach(() => {
      isOwner = false;
      standby = new PostgresOutboxSource({ url: database.url });
    });
    afterEach(() => standby.close());

    const standBy = (signal = never) =>
      standby.acquire(signal).then(() => {
        isOwner = true;
      });
    const isStandingBy = async () => {
      const relays = await onDatabase(
        `SELECT 1 FROM pg_stat_activity WHERE application_name = 'outbox-relay' AND datname = current_database()
           AND query LIKE '%pg_try_advisory_lock%' AND state = 'idle'`,
      );
      return relays.length > 0;
    };

    it('so that a second one stands by until the first releases its ownership', async () => {
      await source.acquire(never);
      const takeOver = standBy();
      await eventually(isStandingBy);
      expect(isOwner).toBe(false);
      await expect(standby.read(undefined, 1)).rejects.toThrow('must be acquired before it is read');
      await source.release();
      await takeOver;
      await standby.read(undefined, 1);
    });

    it('so that a second one takes over when the first loses its connection', async () => {
      await source.acquire(never);
      const takeOver = standBy();
      await eventually(isStandingBy);
      await onDatabase(
        `SELECT pg_terminate_backend(pid) FROM pg_locks
         WHERE locktype = 'advisory' AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      await takeOver;
      await expect(source.read(undefined, 1)).rejects.toThrow('lost ownership of the outbox');
    });

    it('so that a second one takes over when the first hangs, as a paused process does', async () => {
      const paused = new PostgresOutboxSource({ url: database.url, ownershipTimeoutMs: 200 });
      await paused.acquire(never);
      await standBy();
      await expect(paused.read(undefined, 1)).rejects.toThrow();
      await paused.close();
    });

    it('and one that is told to stop no longer stands by', async () => {
      await source.acquire(never);
      const stopping = new AbortController();
      const takeOver = standBy(stopping.signal);
      await eventually(isStandingBy);
      stopping.abort();
      await expect(takeOver).rejects.toThrow('aborted');
    });
  });

  describe('reports its backlog and is pruned', () => {
    beforeEach(() => source.acquire(never));

    const commit = async (...aggregates: string[]) => {
      const writer = await begin();
      for (const aggregate of aggregates) await append(writer, aggregate);
      await writer.query('COMMIT');
    };

    it('counts the committed events after the cursor, and reports the age of the oldest', async () => {
      expect(await source.backlog(undefined)).toEqual({ rows: 0, oldestAgeMs: 0 });
      await commit('book', 'book', 'loan');
      const late = await begin();
      await append(late, 'loan');
      await onDatabase(
        "UPDATE outbox SET created_at = created_at - interval '1 hour' WHERE aggregate_version = 1",
      );

      const backlog = await source.backlog(undefined);
      expect(backlog.rows).toBe(3);
      expect(backlog.oldestAgeMs).toBeGreaterThanOrEqual(3_600_000);

      cursor = (await source.read(undefined, 2)).cursor;
      expect((await source.backlog(cursor)).rows).toBe(1);
      await readAll();
      expect((await source.backlog(cursor)).rows).toBe(0);
      await late.query('COMMIT');
      expect((await source.backlog(cursor)).rows).toBe(1);
    });

    it('deletes only events that are before the cursor and old enough', async () => {
      const late = await begin();
      await append(late, 'loan');
      await commit('book', 'book');
      await readAll();
      await late.query('COMMIT');
      await commit('book');

      const start = cursor as string;
      expect(await source.prune(start, 3_600_000)).toBe(0);
      expect(await source.prune(start, 0)).toBe(2);
      expect(await readAll()).toEqual(['loan 1', 'book 3']);
      expect(await source.prune(cursor as string, 0)).toBe(2);
      expect(await source.prune(cursor as string, 0)).toBe(0);
    });

    it('deletes any number in bulk', async () => {
      await onDatabase(
        `INSERT INTO outbox (event_id, topic, aggregate_id, aggregate_version, headers, payload)
         SELECT gen_random_uuid(), 'library.events', 'book', n, '{}', '' FROM generate_series(1, 12000) AS n`,
      );
      await readAll(5_000);
      expect(await source.prune(cursor as string, 0)).toBe(12_000);
    });
  });
});
