import { setTimeout as pause } from 'node:timers/promises';
import {
  NoOutboxError,
  type OutboxBacklog,
  type OutboxPage,
  OutboxSource,
  type OutgoingRecord,
} from '@atlas/ports/adapters';
import { Client, Pool } from 'pg';
import {
  durablePart,
  formatCursor,
  formatSnapshot,
  type OutboxCursor,
  parseCursor,
  parseSnapshot,
  type SeenTransactions,
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
const PRUNE_CHUNK_ROWS = 5_000;
const STATEMENT_TIMEOUT_MS = 30_000;
/** SQLSTATE undefined_table. */
const UNDEFINED_TABLE = '42P01';

interface PageRow {
  readonly snapshot: string | null;
  readonly counter: string | null;
  readonly newest: string | null;
  /** Null in the single row of an empty page. */
  readonly id: string | null;
  readonly topic: string;
  readonly aggregate_id: string;
  readonly headers: Record<string, string>;
  readonly payload: Buffer;
  readonly fetched: string | null;
}

/** One connection holds the ownership, listens and reads, so that losing one means losing all. */
interface Owner {
  readonly client: Client;
  lost: boolean;
  /** Whether something was committed since the last read began. */
  changed: boolean;
  wake?: (() => void) | undefined;
}

/**
 * Reads an outbox in commit-safe order, using the difference of two snapshots (PgQ's method). A window contains
 * everything committed between the cursor's snapshot and the current one, and is read in pages by id. A writer holds
 * its aggregate's lock until it commits, so when a row is visible, all earlier rows of its aggregate are visible too
 * and have lower ids: they are in the same window or an earlier one, and come first. The cursor records transactions
 * that are still running; they delay no one else. See docs/adr/0003.
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
    const owner: Owner = { client, lost: false, changed: true };
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
           set_config('tcp_keepalives_interval', $2, false), set_config('tcp_keepalives_count', '2', false)`,
        [String(timeoutMs), String(seconds)],
      );
      return owner;
    } catch (error) {
      await disconnect(owner);
      throw error;
    }
  }

  /** @throws Error if the ownership is lost, the database is unavailable, or the cursor belongs to another database. */
  async read(cursor: string | undefined, limit: number): Promise<OutboxPage> {
    const owner = this.requireOwner();
    const position = parseCursor(cursor);
    owner.changed = false;
    try {
      return await (position.window
        ? this.continueWindow(owner, position.seen, position.window, limit)
        : this.openWindow(owner, position.seen, limit));
    } catch (error) {
      if ((error as { code?: string }).code !== UNDEFINED_TABLE) throw error;
      throw new NoOutboxError({ cause: error });
    }
  }

  private async openWindow(owner: Owner, seen: SeenTransactions, limit: number): Promise<OutboxPage> {
    // `id + 0` keeps the planner from scanning the primary key over everything published before.
    const { rows } = await owner.client.query<PageRow>(
      pageQuery(`xid >= $3::xid8 OR xid = ANY ($4::xid8[]) ORDER BY id + 0`),
      [limit, PAGE_BYTES, seen.next, seen.running],
    );
    const first = rows[0] as PageRow;
    const counter = BigInt(first.counter as string);
    const newest = first.newest === null ? undefined : BigInt(first.newest);
    const known = newest !== undefined && newest >= seen.next ? newest + 1n : seen.next;
    if (counter < known) {
      throw new Error(
        `The outbox has seen transaction ids up to ${known - 1n}, but this server has only reached ${counter - 1n}: ` +
          "it was restored from a dump or has lost commits. Nothing is published. Raise the server's counter with " +
          `pg_resetwal --epoch=${(known >> 32n) + 1n}, as docs/adr/0003 describes`,
      );
    }
    const upTo = durablePart(parseSnapshot(first.snapshot as string), newest, seen);
    return toPage(rows, limit, seen, upTo, false);
  }

  private async continueWindow(
    owner: Owner,
    seen: SeenTransactions,
    window: NonNullable<OutboxCursor['window']>,
    limit: number,
  ): Promise<OutboxPage> {
    const { rows } = await owner.client.query<PageRow>(
      pageQuery(
        `id > $3 AND pg_visible_in_snapshot(xid, $4::pg_snapshot)
         AND NOT pg_visible_in_snapshot(xid, $5::pg_snapshot) ORDER BY id`,
      ),
      [limit, PAGE_BYTES, window.after, formatSnapshot(window.upTo), formatSnapshot(seen)],
    );
    // Other transactions may have committed since the window was opened.
    return toPage(rows, limit, seen, window.upTo, true);
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
    const { seen, window } = parseCursor(cursor);
    const { rows } = await this.pool.query<{ rows: string; age: number | null }>(
      `SELECT count(*) AS rows, (extract(epoch FROM clock_timestamp() - min(created_at)) * 1000)::float8 AS age
       FROM outbox
       WHERE (xid >= $1::xid8 OR xid = ANY ($2::xid8[]))
         AND ($3::pg_snapshot IS NULL OR id > $4 OR NOT pg_visible_in_snapshot(xid, $3))`,
      [seen.next, seen.running, window ? formatSnapshot(window.upTo) : null, window?.after ?? '0'],
    );
    return { rows: Number(rows[0]?.rows), oldestAgeMs: Math.max(0, rows[0]?.age ?? 0) };
  }

  async prune(cursor: string, ageMs: number): Promise<number> {
    const { seen } = parseCursor(cursor);
    let pruned = 0;
    for (;;) {
      // Oldest first by id, to avoid scanning a table in which nothing is due.
      const { rowCount } = await this.pool.query(
        `WITH oldest AS MATERIALIZED (SELECT id, xid, created_at FROM outbox ORDER BY id LIMIT $1)
         DELETE FROM outbox USING oldest
         WHERE outbox.id = oldest.id
           AND oldest.created_at < clock_timestamp() - $2 * interval '1 millisecond'
           AND pg_visible_in_snapshot(oldest.xid, $3::pg_snapshot)`,
        [PRUNE_CHUNK_ROWS, ageMs, formatSnapshot(seen)],
      );
      pruned += rowCount ?? 0;
      if ((rowCount ?? 0) < PRUNE_CHUNK_ROWS) return pruned;
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

/**
 * A page of rows, limited to $2 bytes of payload. Always at least one row; the first one has the snapshot of the read
 * and the number of rows before the limit.
 */
const pageQuery = (window: string): string => `
  WITH candidate AS (
    SELECT id, topic, aggregate_id, headers, payload FROM outbox WHERE ${window} LIMIT $1
  ), measured AS (
    SELECT *, row_number() OVER in_order AS number,
      sum(octet_length(payload)) OVER in_order - octet_length(payload) AS bytes
    FROM candidate WINDOW in_order AS (ORDER BY id ROWS UNBOUNDED PRECEDING)
  )
  SELECT page.id, topic, aggregate_id, headers, payload,
    CASE WHEN number IS NULL OR number = 1 THEN (SELECT count(*) FROM candidate) END AS fetched,
    CASE WHEN number IS NULL OR number = 1 THEN pg_current_snapshot()::text END AS snapshot,
    CASE WHEN number IS NULL OR number = 1 THEN pg_snapshot_xmax(pg_current_snapshot())::text END AS counter,
    CASE WHEN number IS NULL OR number = 1 THEN (SELECT xid FROM outbox ORDER BY xid DESC LIMIT 1)::text END AS newest
  FROM (VALUES (true)) AS always LEFT JOIN measured AS page ON page.bytes < $2
  ORDER BY page.id`;

function toPage(
  rows: readonly PageRow[],
  limit: number,
  seen: SeenTransactions,
  upTo: SeenTransactions,
  more: boolean,
): OutboxPage {
  const found = rows.filter((row) => row.id !== null);
  const records = found.map((row): OutgoingRecord => ({
    topic: row.topic,
    key: row.aggregate_id,
    headers: row.headers,
    value: row.payload,
  }));
  const last = found.at(-1);
  const fetched = Number(rows[0]?.fetched);
  const isEnd = !last || (fetched < limit && fetched === found.length);
  return isEnd
    ? { records, cursor: formatCursor({ seen: upTo }), more }
    : { records, cursor: formatCursor({ seen, window: { upTo, after: last.id as string } }), more: true };
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
