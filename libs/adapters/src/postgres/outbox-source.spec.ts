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

    it('delivers an event of a transaction that is newer than all that have ended and took its id before them', async () => {
      const older = await begin();
      // The snapshot of the read ends at the newest transaction that has ended, so it does not name this one.
      const newer = await begin();
      await append(newer, 'loan');
      await append(older, 'book');
      await older.query('COMMIT');
      const read = await readAll();
      await newer.query('COMMIT');
      read.push(...(await readAll()));

      expect(read).toEqual(['book 1', 'loan 1']);
    });

    it('relies on a transaction having its number before it draws an id', async () => {
      await onDatabase(`
        CREATE FUNCTION draw() RETURNS bigint LANGUAGE plpgsql AS $$
          BEGIN
            IF pg_current_xact_id_if_assigned() IS NULL THEN RAISE 'The id is drawn first'; END IF;
            RETURN 1;
          END $$;
        ALTER TABLE outbox ALTER id DROP IDENTITY;
        ALTER TABLE outbox ALTER id SET DEFAULT draw()`);
      await onDatabase(
        `INSERT INTO outbox (event_id, topic, aggregate_id, aggregate_version, headers, payload)
         SELECT * FROM unnest('{${randomUUID()}}'::uuid[], '{t}'::text[], '{a}'::text[], '{1}'::int[], '{"{}"}'::jsonb[], '{x}'::bytea[])`,
      );
    });

    /** Commits events of several aggregates, one number for each: the last is the newest. */
    const fill = (client: Client, aggregate: string, from: number, to: number) =>
      client.query(
        `INSERT INTO outbox (event_id, topic, aggregate_id, aggregate_version, headers, payload)
         SELECT gen_random_uuid(), 'library.events', $1, n, jsonb_build_object('version', n), ''
         FROM generate_series($2::integer, $3::integer) AS n`,
        [aggregate, from, to],
      );
    const versions = (aggregate: string, count: number) =>
      Array.from({ length: count }, (_, index) => `${aggregate} ${index + 1}`);

    it('delivers in pages what several large transactions commit below ids that were read, whoever commits meanwhile', async () => {
      const slow = [await begin(), await begin(), await begin()] as const;
      for (const from of [1, 101]) {
        await fill(slow[0], 'book', from, from + 99);
        await fill(slow[1], 'loan', from, from + 99);
        await fill(slow[2], 'shelf', from, from + 99);
      }
      await fill(onlooker, 'reader', 1, 1);
      expect(await readAll(50)).toEqual(['reader 1']);

      const read: string[] = [];
      const next = async () => {
        const page = await source.read(cursor, 70);
        // What a restarted relay reads.
        expect((await source.read(cursor, 70)).records).toEqual(page.records);
        read.push(...page.records.map(nameOf));
        cursor = page.cursor;
        return page.more;
      };
      await slow[0].query('COMMIT');
      await slow[1].query('COMMIT');
      await next();
      await slow[2].query('COMMIT');
      await fill(onlooker, 'reader', 2, 2);
      await next();
      while (await next());

      const of = (aggregate: string) => read.filter((name) => name.startsWith(`${aggregate} `));
      expect(of('book')).toEqual(versions('book', 200));
      expect(of('loan')).toEqual(versions('loan', 200));
      expect(of('shelf')).toEqual(versions('shelf', 200));
      expect(of('reader')).toEqual(['reader 2']);
      expect(read).toHaveLength(601);
    });

    describe('at the same cost', () => {
      /** @returns how many rows of the outbox reading one page has visited. */
      async function visits(from: string | undefined): Promise<number> {
        const count = async () => {
          const [row] = await onDatabase<{ visited: string }>(
            "SELECT seq_tup_read + idx_tup_fetch AS visited FROM pg_stat_user_tables WHERE relname = 'outbox'",
          );
          return Number(row?.visited);
        };
        await source.release();
        const before = await count();
        await source.acquire(never);
        const page = await source.read(from, 100);
        // The server counts what a session has done when it ends.
        await source.release();
        await source.acquire(never);
        expect(page.records).toHaveLength(100);
        return eventually(async () => {
          const visited = (await count()) - before;
          return visited > 0 && visited;
        });
      }

      beforeEach(async () => {
        await fill(onlooker, 'book', 1, 20_000);
        cursor = undefined;
      });

      it('from the beginning of a large backlog, as after the loss of the cursor', async () => {
        expect(await visits(undefined)).toBeLessThan(500);
      });

      it('from the middle, behind many published rows and before many waiting ones', async () => {
        cursor = (await source.read(undefined, 10_000)).cursor;
        expect(await visits(cursor)).toBeLessThan(500);
      });

      it('after a transaction that ran while all of them were published', async () => {
        await readAll(10_000);
        const slow = await begin();
        await fill(slow, 'loan', 1, 200);
        await fill(onlooker, 'book', 20_001, 40_000);
        await readAll(10_000);
        await slow.query('COMMIT');
        expect(await visits(cursor)).toBeLessThan(500);
      });
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
            fc.constantFrom('go on', 'go on', 'prune', 'crash before publishing', 'crash after publishing'),
          ),
          async (writers, limits, fates) => {
            await onDatabase('UPDATE aggregate SET version = 0');
            committed = [];
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
                if (fate === 'prune' && stored !== undefined) await source.prune(stored, 0);
                if (fate !== 'crash before publishing') {
                  published = [...published, ...page.records];
                  stored = page.cursor;
                  if (isLast) return;
                }
                const hasCrashed = fate === 'crash before publishing' || fate === 'crash after publishing';
                if (hasCrashed) expect(await source.verify(stored)).toBeUndefined();
                position = hasCrashed ? stored : page.cursor;
              }
            })();
            const write = Promise.all(writers.map(runWriter)).finally(() => (isWriting = false));
            await Promise.all([write, reading]);
            cursor = stored;

            expect(published.map((record) => record.headers['id']).sort()).toEqual(committed.sort());
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

  /** The ids of the events that the writers have committed. */
  let committed: string[];

  async function runWriter(script: readonly Transaction[]): Promise<void> {
    const client = await connect();
    for (const { writesBeforeLocking, aggregates, events, runsLong, end } of script) {
      await client.query('BEGIN');
      if (writesBeforeLocking) await client.query('SELECT pg_current_xact_id()');
      // Simulates work before or after taking the locks that others wait for.
      if (runsLong && writesBeforeLocking) await client.query('SELECT pg_sleep(0.03)');
      for (const aggregate of aggregates) await lock(client, aggregate);
      const written: string[] = [];
      for (let i = 0; i < events; i++) {
        for (const aggregate of aggregates) written.push(await append(client, aggregate));
      }
      if (runsLong) await client.query('SELECT pg_sleep(0.01)');
      await client.query(end);
      if (end === 'COMMIT') committed.push(...written);
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
      expect(await source.backlog(undefined)).toEqual({ rows: 0, isEstimate: false, oldestAgeMs: 0 });
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
      expect(await source.prune(start, 0)).toBe(0);
      expect(await readAll()).toEqual(['loan 1', 'book 3']);
      expect(await source.prune(cursor as string, 0)).toBe(2);
      expect(await source.prune(cursor as string, 0)).toBe(0);
      await commit('book');
      await readAll();
      expect(await source.prune(cursor as string, 0)).toBe(2);
    });

    it('keeps the last page, which shows that the database is the one that was published from', async () => {
      await commit('book', 'loan');
      await readAll();
      expect(await source.prune(cursor as string, 0)).toBe(0);
      expect(await source.verify(cursor)).toBeUndefined();
    });

    it('estimates a large backlog, which would take long to count', async () => {
      await onDatabase(
        `INSERT INTO outbox (event_id, topic, aggregate_id, aggregate_version, headers, payload)
         SELECT gen_random_uuid(), 'library.events', 'book', n, '{}', '' FROM generate_series(1, 100001) AS n`,
      );
      expect(await source.backlog(undefined)).toMatchObject({ rows: 100_001, isEstimate: true });
      cursor = (await source.read(undefined, 1)).cursor;
      expect(await source.backlog(cursor)).toMatchObject({ rows: 100_000, isEstimate: false });
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

  describe('is recognised', () => {
    const commit = async (...aggregates: string[]) => {
      const writer = await begin();
      for (const aggregate of aggregates) await append(writer, aggregate);
      await writer.query('COMMIT');
    };
    /** More than one page has for a witness. */
    const commitMany = () =>
      onDatabase(
        `INSERT INTO outbox (event_id, topic, aggregate_id, aggregate_version, headers, payload)
         SELECT gen_random_uuid(), 'library.events', 'book', n, '{}', '' FROM generate_series(1, 501) AS n`,
      );
    const restart = async () => {
      await source.release();
      await source.acquire(never);
    };
    const change = (part: object) => JSON.stringify({ ...(JSON.parse(cursor as string) as object), ...part });
    const RESTORED = /does not have the events that were published last.*atlas relay adopt/;

    beforeEach(() => source.acquire(never));

    it('as the one that was published from, after any restart', async () => {
      expect(await source.verify(undefined)).toBeUndefined();
      const late = await begin();
      await append(late, 'loan');
      for (const limit of [1_000, 2, 1]) {
        await commit('book', 'book', 'book');
        await readAll(limit);
        await restart();
        expect(await source.verify(cursor)).toBeUndefined();
      }
      await late.query('COMMIT');
      await readAll();
      await restart();
      expect(await source.verify(cursor)).toBeUndefined();
    });

    it('by an ordinary role that may only read and delete events, and write marks', async () => {
      const role = `relay_${randomUUID().slice(0, 8)}`;
      await onDatabase(`
        CREATE ROLE ${role} LOGIN PASSWORD 'secret';
        GRANT SELECT, DELETE ON outbox TO ${role};
        GRANT SELECT, INSERT, DELETE ON outbox_mark TO ${role}`);
      const url = new URL(database.url);
      [url.username, url.password] = [role, 'secret'];
      const ordinary = new PostgresOutboxSource({ url: url.href });
      await source.release();
      await ordinary.acquire(never);
      await commitMany();
      const page = await ordinary.read(undefined, 1_000);
      expect(await ordinary.verify(page.cursor)).toBeUndefined();
      expect(await ordinary.prune(page.cursor, 0)).toBe(501);
      expect(JSON.parse(page.cursor)).toMatchObject({
        server: { system: expect.stringMatching(/^\d+$/), timeline: expect.stringMatching(/^[0-9A-F]{8}$/) },
      });
      await ordinary.close();
      await onDatabase(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    });

    it('as restored when an event of the last page is missing', async () => {
      await commit('book', 'loan');
      await readAll();
      await onDatabase("DELETE FROM outbox WHERE aggregate_id = 'book'");
      await expect(source.verify(cursor)).rejects.toThrow(RESTORED);
    });

    it('as restored when other events have taken their numbers', async () => {
      await commit('book', 'loan');
      await readAll();
      await onDatabase("UPDATE outbox SET event_id = gen_random_uuid() WHERE aggregate_id = 'book'");
      await expect(source.verify(cursor)).rejects.toThrow(RESTORED);
    });

    it('as restored when it lost a commit that may be later than those of the last page', async () => {
      const slow = await begin();
      await append(slow, 'book');
      await commit('loan');
      await readAll();
      await slow.query('COMMIT');
      await readAll();
      expect(await source.verify(cursor)).toBeUndefined();
      await onDatabase("DELETE FROM outbox WHERE aggregate_id = 'loan'");
      await expect(source.verify(cursor)).rejects.toThrow(RESTORED);
    });

    it('without events of which a later commit is proof', async () => {
      await commit('loan');
      await readAll();
      await commit('book');
      await readAll();
      await onDatabase("DELETE FROM outbox WHERE aggregate_id = 'loan'");
      expect(await source.verify(cursor)).toBeUndefined();
    });

    it('as restored when it lacks what the relay wrote to it in the course of a backlog', async () => {
      await commitMany();
      await readAll(400);
      expect(await source.verify(cursor)).toBeUndefined();
      await onDatabase('UPDATE outbox_mark SET token = gen_random_uuid()');
      await expect(source.verify(cursor)).rejects.toThrow(RESTORED);
    });

    it('as another server by its number, or by transactions that this one has not begun', async () => {
      await commit('book');
      await readAll();
      await expect(source.verify(change({ server: { system: '1' } }))).rejects.toThrow(
        /database server \d+, but the last events were published from 1\. .*atlas relay adopt/,
      );
      await onDatabase("UPDATE outbox SET xid = '90000000000'");
      await expect(source.verify(cursor)).rejects.toThrow(
        /rows of transaction 90000000000, but this server has only begun \d+: .*atlas relay adopt/,
      );
      expect(await source.renumber()).toBe(1);
      expect(await source.verify(cursor)).toBeUndefined();
    });

    it('as promoted when only its timeline differs', async () => {
      await commit('book');
      await readAll();
      expect(await source.verify(change({ server: { timeline: '0000002A' } }))).toMatch(
        /timeline 0000002A became 00000001.*has everything/,
      );
    });

    it('and adopted, from the newest event that is on the log and from what was still running', async () => {
      const late = await begin();
      await append(late, 'loan');
      await commit('book');
      await commit('book');
      await readAll();
      const [known] = await source.find([
        ...(
          await onDatabase<{ event_id: string }>('SELECT event_id FROM outbox WHERE aggregate_version = 1')
        ).map((row) => row.event_id),
        randomUUID(),
      ]);
      expect(known).toMatchObject({ id: 2n });

      const former = cursor;
      cursor = await source.adopt(former, known);
      expect(await readAll()).toEqual(['book 2']);
      cursor = await source.adopt(former, undefined);
      expect(await readAll()).toEqual(['book 1', 'book 2']);
      await late.query('COMMIT');
      cursor = await source.adopt(former, known);
      expect(await source.verify(cursor)).toBeUndefined();
      expect(await readAll()).toEqual(['loan 1', 'book 1', 'book 2']);
    });
  });
});
