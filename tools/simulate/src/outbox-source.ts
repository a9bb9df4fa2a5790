import {
  durablePart,
  formatCursor,
  type OutboxCursor,
  parseCursor,
  type SeenTransactions,
} from '@atlas/adapters/postgres';
import { type OutboxBacklog, type OutboxPage, OutboxSource } from '@atlas/ports/adapters';
import type { OutboxRow } from '@atlas/testing';
import type { RelaySession, SimulatedDatabase } from './database';
import type { SimulatedProcess } from './process';

/** Reads the outbox of a simulated database as `PostgresOutboxSource` reads a real one; the cursor's rules are the same code. */
export class SimulatedOutboxSource extends OutboxSource {
  private session: RelaySession | undefined;

  constructor(
    protected readonly database: SimulatedDatabase,
    protected readonly process: SimulatedProcess,
  ) {
    super();
  }

  async acquire(signal: AbortSignal): Promise<void> {
    await this.release();
    for (;;) {
      signal.throwIfAborted();
      await this.database.statement(this.process, 'acquire');
      if (!this.database.owner) break;
      await this.process.pause(250 + Math.random() * 500, signal);
    }
    this.session = { process: this.process, isLost: false, hasChanged: true, wake: () => undefined };
    this.database.owner = this.session;
  }

  async read(cursor: string | undefined, limit: number): Promise<OutboxPage> {
    const session = this.requireOwner();
    const position = parseCursor(cursor);
    session.hasChanged = false;
    await this.database.statement(this.process, 'read');
    // Its connection may have ended without its knowing.
    if (this.database.owner !== session) session.isLost = true;
    this.requireOwner();
    return this.page(position, limit);
  }

  /** The next rows, at this moment. */
  protected page({ seen, window }: OutboxCursor, limit: number): OutboxPage {
    const rows = [...this.database.outbox].sort((a, b) => (a.id < b.id ? -1 : 1));
    if (window) {
      const { upTo, after } = window;
      const due = rows.filter(
        ({ id, xid }) => id > BigInt(after) && hasEnded(upTo, xid) && !hasEnded(seen, xid),
      );
      return pageOf(due, limit, seen, upTo, true);
    }
    const newest = rows.reduce<bigint | undefined>(
      (most, { xid }) => (most === undefined || xid > most ? xid : most),
      undefined,
    );
    const upTo = durablePart(this.database.transactions.snapshot(), newest, seen);
    const due = rows.filter(({ xid }) => !hasEnded(seen, xid));
    return pageOf(due, limit, seen, upTo, false);
  }

  async changed(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { session } = this;
    if (!session || session.isLost || session.hasChanged || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      session.wake = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener('abort', () => session.wake(), { once: true });
    });
    await this.process.step('woken');
  }

  async backlog(cursor: string | undefined): Promise<OutboxBacklog> {
    await this.database.statement(this.process, 'backlog');
    const { seen, window } = parseCursor(cursor);
    const rows = this.database.outbox.filter(
      ({ id, xid }) =>
        !hasEnded(seen, xid) && (!window || id > BigInt(window.after) || !hasEnded(window.upTo, xid)),
    );
    const ages = rows.map(({ event }) => Date.now() - Date.parse(event.time));
    return { rows: rows.length, oldestAgeMs: Math.max(0, ...ages) };
  }

  async prune(cursor: string, ageMs: number): Promise<number> {
    await this.database.statement(this.process, 'prune');
    const { seen } = parseCursor(cursor);
    const { outbox } = this.database;
    const kept = outbox.filter(
      ({ xid, event }) => !hasEnded(seen, xid) || Date.parse(event.time) >= Date.now() - ageMs,
    );
    return outbox.splice(0, outbox.length, ...kept).length - kept.length;
  }

  async release(): Promise<void> {
    const { session, database } = this;
    this.session = undefined;
    if (session && database.owner === session) database.owner = undefined;
  }

  private requireOwner(): RelaySession {
    const { session } = this;
    if (!session) throw new Error('The outbox must be acquired before it is read');
    if (session.isLost) throw new Error('The relay lost ownership of the outbox: its connection ended');
    return session;
  }
}

/** Whether a snapshot shows the transaction as ended. */
const hasEnded = ({ next, running }: SeenTransactions, xid: bigint): boolean =>
  xid < next && !running.includes(xid);

function pageOf(
  due: readonly OutboxRow[],
  limit: number,
  seen: SeenTransactions,
  upTo: SeenTransactions,
  more: boolean,
): OutboxPage {
  const rows = due.slice(0, limit);
  const records = rows.map(({ record }) => record);
  const last = rows.at(-1);
  return !last || rows.length < limit
    ? { records, cursor: formatCursor({ seen: upTo }), more }
    : { records, cursor: formatCursor({ seen, window: { upTo, after: String(last.id) } }), more: true };
}
