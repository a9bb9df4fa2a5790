import { setTimeout as pause } from 'node:timers/promises';
import {
  type FoundRow,
  NoOutboxError,
  type OutboxBacklog,
  type OutboxPage,
  OutboxReplacedError,
  OutboxSource,
  type OutgoingRecord,
} from '@atlas/ports/adapters';
import { Client, Pool, type QueryResultRow } from 'pg';
import {
  begunTransactions,
  cursorAfter,
  digestOf,
  formatCursor,
  type OutboxCursor,
  parseCursor,
  type ServerIdentity,
  slowTransactions,
  sum,
  type Witness,
} from './outbox-cursor';

export interface OutboxSourceOptions {
  /** `postgres://user:password@host:port/database`; a direct connection, not a pooler that shares sessions. */
  readonly url: string;
  /** How long an owner may be silent before it loses its ownership, milliseconds. Default 15,000. */
  readonly ownershipTimeoutMs?: number;
}

/** Hashed to the number of an advisory lock. */
const OWNERSHIP_LOCK = 'outbox-relay';
const DEFAULT_OWNERSHIP_TIMEOUT_MS = 15_000;
/** Maximum payload of a page, to bound memory; a single larger row gets its own page. */
const PAGE_BYTES = 8 * 1024 * 1024;
const CHUNK_ROWS = 5_000;
const STATEMENT_TIMEOUT_MS = 30_000;
/** For adoption, which reads the whole outbox and may rewrite it. */
const ADOPTION_TIMEOUT_MS = 600_000;
/** More rows are estimated. */
const COUNTED_ROWS = 100_000;
/** More rows are witnessed by a mark. */
const WITNESS_ROWS = 500;
/** SQLSTATE undefined_table. */
const UNDEFINED_TABLE = '42P01';
/** SQLSTATE insufficient_privilege, undefined_function, feature_not_supported. */
const NOT_OFFERED = new Set(['42501', '42883', '0A000']);

interface Row {
  readonly id: string;
  readonly xid: string;
  readonly event_id: string;
  readonly topic: string;
  readonly aggregate_id: string;
  readonly headers: Record<string, string>;
  readonly payload: Buffer;
}

/** The first row of a page says when it was read; all others have nulls there. An empty page has one row of nulls. */
type PageRow = (Row | { readonly id: null }) & {
  readonly snapshot: string | null;
  /** How many transactions have begun since the snapshot's `xmin`. */
  readonly begun: number | null;
  /** The number of rows before the limit by size. */
  readonly fetched: string | null;
};

/** One connection holds the ownership, listens and reads, so that losing one means losing all. */
interface Owner {
  readonly client: Client;
  server: ServerIdentity;
  lost: boolean;
  /** Whether something was committed since the last read began. */
  changed: boolean;
  wake?: (() => void) | undefined;
}

/**
 * Reads an outbox in commit-safe order: by id, and what transactions commit later that were still running when a higher id
 * was read. A writer holds its aggregate's lock until it commits, so when a row is visible, all earlier rows of its
 * aggregate are visible too and have lower ids: they were read before or come first on the page. See docs/adr/0003.
 */
export class PostgresOutboxSource extends OutboxSource {
  private readonly pool: Pool;
  private owner: Owner | undefined;

  constructor(private readonly options: OutboxSourceOptions) {
    super();
    this.pool = new Pool({
      connectionString: options.url,
      application_name: 'outbox-relay',
      max: 2,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      query_timeout: STATEMENT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
    });
    // The pool replaces a broken idle connection on demand.
    this.pool.on('error', () => undefined);
  }

  /** @throws Error if the database is unreachable or a query fails. */
  async acquire(signal: AbortSignal): Promise<void> {
    await this.release();
    const owner = await this.connect();
    try {
      for (;;) {
        signal.throwIfAborted();
        // Polls instead of blocking: a blocked statement would keep a snapshot, which delays vacuum.
        const { rows } = await owner.client.query<{ acquired: boolean }>(
          'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS acquired',
          [OWNERSHIP_LOCK],
        );
        if (rows[0]?.acquired) break;
        await pause(250 + Math.random() * 500, undefined, { signal });
      }
      await owner.client.query('LISTEN outbox');
      this.owner = owner;
    } catch (error) {
      await disconnect(owner);
      throw error;
    }
  }

  private async connect(): Promise<Owner> {
    const timeoutMs = this.options.ownershipTimeoutMs ?? DEFAULT_OWNERSHIP_TIMEOUT_MS;
    const client = new Client({
      connectionString: this.options.url,
      application_name: 'outbox-relay',
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      query_timeout: STATEMENT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
    });
    const owner: Owner = { client, server: {}, lost: false, changed: true };
    const lose = () => {
      owner.lost = true;
      owner.wake?.();
    };
    client.on('error', lose);
    client.on('end', lose);
    client.on('notification', () => {
      owner.changed = true;
      owner.wake?.();
    });
    try {
      await client.connect();
      // The server ends the session, and with it the ownership, of a relay that hangs or is unreachable.
      const seconds = Math.max(1, Math.round(timeoutMs / 3_000));
      await client.query(
        `SELECT set_config('idle_session_timeout', $1, false), set_config('tcp_keepalives_idle', $2, false),
           set_config('tcp_keepalives_interval', $2, false), set_config('tcp_keepalives_count', '2', false),
           -- Every query has an index; a plan made before the outbox has grown must not scan it.
           set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', 'off', false)`,
        [String(timeoutMs), String(seconds)],
      );
      owner.server = await identify(client);
      return owner;
    } catch (error) {
      await disconnect(owner);
      throw error;
    }
  }

  async verify(cursor: string | undefined): Promise<string | undefined> {
    const owner = this.requireOwner();
    const { server: before, witness } = parseCursor(cursor);
    const { server } = owner;
    return knowingTheTable(async () => {
      if (before?.system !== undefined && server.system !== undefined && before.system !== server.system) {
        throw new OutboxReplacedError(
          `This is the database server ${server.system}, but the last events were published from ${before.system}. ` +
            ADVICE,
        );
      }
      if (witness && !(await holds(owner, witness))) {
        throw new OutboxReplacedError(
          'The database does not have the events that were published last: it was restored to an earlier state, or a ' +
            `replica that lagged was promoted. ${ADVICE}`,
        );
      }
      const [future] = await rowsOf<{ xid: string; next: string }>(owner, ROW_OF_THE_FUTURE);
      if (future) {
        throw new OutboxReplacedError(
          `The outbox has rows of transaction ${future.xid}, but this server has only begun ${BigInt(future.next) - 1n}: ` +
            `they were restored from a dump of another server. ${ADVICE}`,
        );
      }
      return before?.timeline === undefined || before.timeline === server.timeline
        ? undefined
        : `The database server was promoted or recovered (timeline ${before.timeline} became ` +
            `${server.timeline ?? 'unknown'}) and has everything that was published`;
    });
  }

  /** @throws Error if the ownership is lost or the database is unavailable. */
  async read(cursor: string | undefined, limit: number): Promise<OutboxPage> {
    const owner = this.requireOwner();
    const position = parseCursor(cursor);
    owner.changed = false;
    return knowingTheTable(async () => {
      const { late } = position;
      const rows = await rowsOf<PageRow>(
        owner,
        ...(late
          ? page(LATE, limit, position.top, late.xids, late.after)
          : page(NEXT, limit, position.top, position.running)),
      );
      const [first] = rows as [PageRow];
      const found = rows.filter((row): row is PageRow & Row => row.id !== null);
      const fetched = Number(first.fetched);
      const isCut = fetched >= limit || found.length < fetched;
      const last = found.at(-1);
      const next = cursorAfter(
        position,
        begunTransactions(first.snapshot as string, first.begun as number),
        last && BigInt(last.id),
        isCut,
      );
      return {
        records: found.map(toRecord),
        cursor: formatCursor({
          ...next,
          server: owner.server,
          witness: await witnessOf(owner, found, position),
        }),
        more: late !== undefined || isCut,
      };
    });
  }

  async changed(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { owner } = this;
    // Commits during the last read have set `changed`, so no wake-up is lost between read and wait.
    if (!owner || owner.lost || owner.changed || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        owner.wake = undefined;
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      signal.addEventListener('abort', wake);
      owner.wake = wake;
    });
  }

  async backlog(cursor: string | undefined): Promise<OutboxBacklog> {
    const position = parseCursor(cursor);
    const slow = slowTransactions(position);
    const [row] = (
      await this.pool.query<{ rows: string; age: number | null; last: string | null }>(
        `WITH waiting AS (
           SELECT created_at FROM (
             SELECT created_at FROM unnest($2::xid8[], $3::bigint[]) AS slow (xid, after) CROSS JOIN LATERAL (
               SELECT created_at FROM outbox
               WHERE (xid, id) > (slow.xid, slow.after) AND (xid, id) <= (slow.xid, $1::bigint)
               ORDER BY xid, id LIMIT $4
             ) AS late
             UNION ALL
             (SELECT created_at FROM outbox WHERE id > $1 ORDER BY id LIMIT $4)
           ) AS all_waiting LIMIT $4
         )
         SELECT count(*) AS rows, (extract(epoch FROM clock_timestamp() - min(created_at)) * 1000)::float8 AS age,
           CASE WHEN count(*) >= $4 THEN (SELECT id FROM outbox ORDER BY id DESC LIMIT 1) END AS last
         FROM waiting`,
        [position.top, slow.map(({ xid }) => xid), slow.map(({ after }) => after), COUNTED_ROWS + 1],
      )
    ).rows;
    const counted = Number(row?.rows);
    const isEstimate = counted > COUNTED_ROWS;
    return {
      // Ids have gaps where transactions were rolled back.
      rows: isEstimate ? Math.max(counted, Number(BigInt(row?.last ?? 0) - position.top)) : counted,
      isEstimate,
      oldestAgeMs: Math.max(0, row?.age ?? 0),
    };
  }

  async prune(cursor: string, ageMs: number): Promise<number> {
    const position = parseCursor(cursor);
    const { top, witness } = position;
    const slow = slowTransactions(position).map(({ xid }) => xid);
    if (witness?.mark) await this.pool.query('DELETE FROM outbox_mark WHERE id < $1', [witness.mark.id]);
    for (let pruned = 0; ;) {
      // Oldest first by id, to avoid scanning a table in which nothing is due.
      const { rowCount } = await this.pool.query(
        `WITH oldest AS MATERIALIZED (SELECT id, xid, created_at FROM outbox ORDER BY id LIMIT $1)
         DELETE FROM outbox USING oldest
         WHERE outbox.id = oldest.id
           AND oldest.created_at < clock_timestamp() - $2 * interval '1 millisecond'
           AND oldest.id <= $3 AND oldest.xid <> ALL ($4::xid8[]) AND oldest.id <> ALL ($5::bigint[])`,
        [CHUNK_ROWS, ageMs, top, slow, witness?.ids ?? []],
      );
      pruned += rowCount ?? 0;
      if (!rowCount) return pruned;
    }
  }

  async find(eventIds: readonly string[]): Promise<readonly FoundRow[]> {
    const rows = await rowsOf<{ id: string; event_id: string; created_at: Date }>(
      this.requireOwner(),
      `SELECT id, event_id, created_at FROM outbox JOIN unnest($1::uuid[]) AS wanted (event_id) USING (event_id)`,
      [eventIds],
      ADOPTION_TIMEOUT_MS,
    );
    return rows.map((row) => ({ eventId: row.event_id, id: BigInt(row.id), createdAt: row.created_at }));
  }

  /**
   * New rows have higher ids than every row from before the restore. So up to a row that is on the log and that the
   * database still has, all rows are from before, and published as `cursor` says.
   */
  async adopt(cursor: string | undefined, onLog: FoundRow | undefined): Promise<string> {
    const owner = this.requireOwner();
    const position = parseCursor(cursor);
    const slow = slowTransactions(position);
    const [now] = await rowsOf<{ snapshot: string; begun: number; slow: string | null }>(
      owner,
      `WITH now AS MATERIALIZED (${NOW}), slow AS MATERIALIZED (
         SELECT min(first.id) AS id FROM unnest($1::xid8[], $2::bigint[]) AS slow (xid, after) CROSS JOIN LATERAL (
           SELECT id FROM outbox WHERE (xid, id) > (slow.xid, slow.after) AND (xid, id) <= (slow.xid, $3::bigint)
           ORDER BY xid, id LIMIT 1
         ) AS first
       ) SELECT snapshot::text, begun, slow.id AS slow FROM now CROSS JOIN slow`,
      [slow.map(({ xid }) => xid), slow.map(({ after }) => after), position.top],
    );
    if (!now) throw new Error('The database server did not say which transactions are running');
    const published = [position.top, onLog?.id ?? 0n, ...(now.slow === null ? [] : [BigInt(now.slow) - 1n])];
    return formatCursor({
      top: published.reduce((lowest, id) => (id < lowest ? id : lowest)),
      ...begunTransactions(now.snapshot, now.begun),
      server: owner.server,
      witness: await mark(owner),
    });
  }

  async renumber(): Promise<number> {
    const owner = this.requireOwner();
    for (let renumbered = 0; ;) {
      const rows = await rowsOf(
        owner,
        `UPDATE outbox SET xid = pg_current_xact_id()
         WHERE id IN (SELECT id FROM (${ROWS_OF_THE_FUTURE} LIMIT ${CHUNK_ROWS}) AS future) RETURNING 1`,
        [],
        ADOPTION_TIMEOUT_MS,
      );
      renumbered += rows.length;
      if (rows.length === 0) return renumbered;
    }
  }

  async release(): Promise<void> {
    const { owner } = this;
    this.owner = undefined;
    if (owner) await disconnect(owner);
  }

  /** Releases the ownership and closes all connections, permanently. */
  async close(): Promise<void> {
    await this.release();
    await this.pool.end();
  }

  private requireOwner(): Owner {
    if (!this.owner) throw new Error('The outbox must be acquired before it is read');
    if (this.owner.lost) throw new Error('The relay lost ownership of the outbox: its connection ended');
    return this.owner;
  }
}

const ADVICE =
  'Nothing is published until it is decided that this is the right database: "npx atlas relay adopt" then continues ' +
  'without loss';

/** @throws NoOutboxError if the tables don't exist yet. */
async function knowingTheTable<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if ((error as { code?: string }).code !== UNDEFINED_TABLE) throw error;
    throw new NoOutboxError({ cause: error });
  }
}

async function rowsOf<Result extends QueryResultRow>(
  { client }: Pick<Owner, 'client'>,
  text: string,
  values: readonly unknown[] = [],
  timeoutMs?: number,
): Promise<Result[]> {
  if (timeoutMs === undefined) return (await client.query<Result>(text, [...values])).rows;
  await client.query("SELECT set_config('statement_timeout', $1, false)", [String(timeoutMs)]);
  const query = { text, values: [...values], query_timeout: timeoutMs };
  return (await client.query<Result>(query)).rows;
}

/**
 * A snapshot, and how many transactions have begun since its `xmin`. A list of columns is the place where the planner does
 * not compute `age` before the snapshot is taken.
 */
const NOW = `
  SELECT pg_current_snapshot() AS snapshot, age(pg_snapshot_xmin(pg_current_snapshot())::xid) AS begun`;

/** Rows that no transaction of this server can have written. */
const ROWS_OF_THE_FUTURE = `
  WITH now AS MATERIALIZED (
    SELECT (pg_snapshot_xmin(snapshot)::text::bigint + begun)::text::xid8 AS next FROM (${NOW}) AS now
  ) SELECT id, xid, next FROM now CROSS JOIN LATERAL (
    SELECT id, xid FROM outbox WHERE (xid, id) >= (next, 0) ORDER BY xid, id
  ) AS future`;

const ROW_OF_THE_FUTURE = `${ROWS_OF_THE_FUTURE} LIMIT 1`;

const COLUMNS = 'id, xid, event_id, topic, aggregate_id, headers, payload';

/** The rows up to the id $3 of each transaction of `ended`, beyond the id $5. */
const lateRows = (ended: string): string => `
  SELECT late.* FROM ${ended} AS ended (xid) CROSS JOIN LATERAL (
    -- Comparing pairs leaves only the index on (xid, id), whatever the planner knows of the table.
    SELECT ${COLUMNS} FROM outbox
    WHERE (xid, id) > (ended.xid, $5::bigint) AND (xid, id) <= (ended.xid, $3::bigint) ORDER BY xid, id LIMIT $1
  ) AS late`;

/** What has ended of the transactions $4, up to the id $3, and then everything above it. */
const NEXT = `
  ${lateRows('(SELECT xid FROM unnest($4::xid8[]) AS running (xid), now WHERE pg_visible_in_snapshot(xid, snapshot))')}
  UNION ALL
  (SELECT ${COLUMNS} FROM outbox WHERE id > $3::bigint ORDER BY id LIMIT $1)`;

/** What is left up to the id $3 of the transactions $4, which have ended. */
const LATE = lateRows('unnest($4::xid8[])');

/** A page of rows in the order of their ids: at most $1, and about $2 bytes of payload. Always at least one row. */
const pageQuery = (rows: string): string => `
  WITH now AS MATERIALIZED (${NOW}), candidate AS MATERIALIZED (
    SELECT * FROM (${rows}) AS rows ORDER BY id LIMIT $1
  ), measured AS (
    SELECT *, row_number() OVER in_order AS number,
      sum(octet_length(payload)) OVER in_order - octet_length(payload) AS bytes
    FROM candidate WINDOW in_order AS (ORDER BY id ROWS UNBOUNDED PRECEDING)
  )
  SELECT page.id, xid, event_id, topic, aggregate_id, headers, payload,
    CASE WHEN number IS NULL OR number = 1 THEN (SELECT count(*) FROM candidate) END AS fetched,
    CASE WHEN number IS NULL OR number = 1 THEN snapshot::text END AS snapshot,
    CASE WHEN number IS NULL OR number = 1 THEN begun END AS begun
  FROM now LEFT JOIN measured AS page ON page.bytes < $2
  ORDER BY page.id`;

const page = (
  rows: string,
  limit: number,
  top: bigint,
  xids: readonly bigint[],
  after = 0n,
): readonly [string, readonly unknown[]] => [pageQuery(rows), [limit, PAGE_BYTES, top, xids, after]];

const toRecord = ({ topic, aggregate_id: key, headers, payload: value }: Row): OutgoingRecord => ({
  topic,
  key,
  headers,
  value,
});

/** An ordinary role may ask; a managed server may refuse some of it. */
async function identify(client: Client): Promise<ServerIdentity> {
  const ask = async (expression: string): Promise<string | undefined> => {
    try {
      return (await client.query<{ answer: string }>(`SELECT ${expression} AS answer`)).rows[0]?.answer;
    } catch (error) {
      if (NOT_OFFERED.has((error as { code?: string }).code ?? '')) return undefined;
      throw error;
    }
  };
  return {
    system: await ask('(SELECT system_identifier::text FROM pg_control_system())'),
    // That of the last checkpoint, which pg_control_checkpoint() has, is still the old one after a promotion.
    timeline: await ask('substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)'),
  };
}

/**
 * What shows later that the database still has everything published up to this page: its rows and those of the former
 * witness. The latter are superfluous if a transaction of this page began after the former page was read, because it
 * committed after all that was visible then: a database that has it has them. Instead of many rows there is a mark,
 * committed now.
 */
async function witnessOf(
  owner: Owner,
  rows: readonly Row[],
  { next, witness: before }: OutboxCursor,
): Promise<Witness | undefined> {
  if (rows.length === 0) return before;
  const former = rows.some(({ xid }) => BigInt(xid) >= next) ? undefined : before;
  if ((former?.ids.length ?? 0) + rows.length > WITNESS_ROWS) return mark(owner);
  const ids = [...(former?.ids ?? []), ...rows.map(({ id }) => BigInt(id))];
  return {
    mark: former?.mark,
    ids: ids.sort((a, b) => (a < b ? -1 : 1)),
    digest: sum(former?.digest ?? 0n, digestOf(rows)),
  };
}

/** Commits something that a database has only if it has everything that was committed before. */
async function mark(owner: Owner): Promise<Witness> {
  const [row] = await rowsOf<{ id: string; token: string }>(
    owner,
    'INSERT INTO outbox_mark DEFAULT VALUES RETURNING id, token',
  );
  if (!row) throw new Error('The mark was not written');
  return { mark: row, ids: [], digest: 0n };
}

async function holds(owner: Owner, { mark, ids, digest }: Witness): Promise<boolean> {
  const marks =
    mark &&
    (await rowsOf(owner, 'SELECT FROM outbox_mark WHERE id = $1 AND token = $2', [mark.id, mark.token]));
  if (marks?.length === 0) return false;
  const rows = await rowsOf<{ id: string; event_id: string }>(
    owner,
    'SELECT id, event_id FROM outbox WHERE id = ANY ($1::bigint[])',
    [ids],
  );
  return digestOf(rows) === digest;
}

/** Ends the session, so that the server releases its lock. Doesn't wait long for an unavailable server. */
async function disconnect({ client }: Owner): Promise<void> {
  const deadline = new AbortController();
  await Promise.race([
    client.end().catch(() => undefined),
    pause(1_000, undefined, { signal: deadline.signal, ref: false }).catch(() => undefined),
  ]);
  deadline.abort();
}
