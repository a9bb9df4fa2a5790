import { cursorAfter, formatCursor, type OutboxCursor, parseCursor } from '@atlas/adapters/postgres';
import { type FoundRow, type OutboxBacklog, type OutboxPage, OutboxSource } from '@atlas/ports/adapters';
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

  /** Always: the simulation restarts databases, and replaces none. */
  async verify(): Promise<undefined> {
    await this.database.statement(this.process, 'verify');
  }

  find(): Promise<readonly FoundRow[]> {
    throw new Error('The simulation replaces no database');
  }

  adopt(): Promise<string> {
    throw new Error('The simulation replaces no database');
  }

  renumber(): Promise<number> {
    throw new Error('The simulation replaces no database');
  }

  /** The next rows, at this moment. */
  protected page(position: OutboxCursor, limit: number): OutboxPage {
    const rows = this.database.outbox
      .filter((row) => (position.late ? isLate(row, position) : isWaiting(row, position)))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit);
    const isCut = rows.length === limit;
    const next = cursorAfter(position, this.database.transactions.snapshot(), rows.at(-1)?.id, isCut);
    return {
      records: rows.map(({ record }) => record),
      cursor: formatCursor(next),
      more: position.late !== undefined || isCut,
    };
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
    const position = parseCursor(cursor);
    const rows = this.database.outbox.filter((row) => isWaiting(row, position));
    const ages = rows.map(({ event }) => Date.now() - Date.parse(event.time));
    return { rows: rows.length, isEstimate: false, oldestAgeMs: Math.max(0, ...ages) };
  }

  async prune(cursor: string, ageMs: number): Promise<number> {
    await this.database.statement(this.process, 'prune');
    const position = parseCursor(cursor);
    const { outbox } = this.database;
    const kept = outbox.filter(
      (row) => isWaiting(row, position) || Date.parse(row.event.time) >= Date.now() - ageMs,
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

/** Whether a committed row is still to be published, as docs/adr/0003 says. */
const isWaiting = (row: OutboxRow, position: OutboxCursor): boolean =>
  row.id > position.top || position.running.includes(row.xid) || isLate(row, position);

const isLate = ({ id, xid }: OutboxRow, { top, late }: OutboxCursor): boolean =>
  late !== undefined && late.xids.includes(xid) && id > late.after && id <= top;
