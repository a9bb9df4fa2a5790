import type { EventEnvelope } from '@atlas/events';
import type { OutgoingRecord, Position, StoredDeadLetter } from '@atlas/ports/adapters';

/** Committed rows by key; uncommitted ones are in a {@link MemoryTransaction}. */
export class MemoryTable<Row> {
  readonly committed = new Map<string, Row>();
}

export interface AnswerRow {
  readonly fingerprint: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text, as a database would store it. */
  readonly body: string | undefined;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** A committed row of the outbox. */
export interface OutboxRow {
  /** Assigned when it was inserted, so rows commit in another order than that of their ids. */
  readonly id: bigint;
  /** Of the transaction that inserted it. */
  readonly xid: bigint;
  readonly event: EventEnvelope;
  readonly record: OutgoingRecord;
}

/** The data of a service, which several processes may share. */
export class MemoryDatabase {
  /** In the order of the commits. */
  readonly outbox: OutboxRow[] = [];
  readonly transactions = new TransactionIds();
  /** The id of the next row of the outbox. */
  nextOutboxId = 1n;
  /** By consumer and event: when it was handled, milliseconds since 1970. */
  readonly inbox = new MemoryTable<number>();
  readonly deadLetters = new MemoryTable<{ readonly consumer: string; readonly letter: StoredDeadLetter }>();
  /** By consumer, partition and log. */
  readonly positions = new MemoryTable<Position & { readonly consumer: string }>();
  /** The id of the last dead letter; none is used twice. */
  lastLetter = 0;
  readonly attempts = new Map<string, number>();
  readonly idempotencyKeys = new MemoryTable<AnswerRow>();
  readonly locks = new MemoryLocks();
  private readonly tables = new Map<string, MemoryTable<unknown>>();

  /** A backup of what is committed. */
  copy(): MemoryDatabase {
    const backup = new MemoryDatabase();
    copyInto(backup, this);
    return backup;
  }

  /** Sets the data to that of a backup; the numbers of transactions and rows go on. */
  restore(backup: MemoryDatabase): void {
    copyInto(this, backup);
  }

  tableNames(): readonly string[] {
    return [...this.tables.keys()];
  }

  /** A table of the service; always the same one for a name. */
  table<Row>(name: string): MemoryTable<Row> {
    const table = (this.tables.get(name) ?? new MemoryTable()) as MemoryTable<Row>;
    this.tables.set(name, table);
    return table;
  }
}

/** Rows are never changed in place, so copies share them. */
function copyInto(target: MemoryDatabase, source: MemoryDatabase): void {
  for (const name of ['inbox', 'deadLetters', 'positions', 'idempotencyKeys'] as const) {
    const table: MemoryTable<unknown> = target[name];
    table.committed.clear();
    for (const [key, row] of source[name].committed) table.committed.set(key, row);
  }
  for (const name of target.tableNames()) target.table(name).committed.clear();
  for (const name of source.tableNames()) {
    for (const [key, row] of source.table(name).committed) target.table(name).committed.set(key, row);
  }
  target.outbox.splice(0, Infinity, ...source.outbox);
  target.attempts.clear();
  for (const [name, count] of source.attempts) target.attempts.set(name, count);
}

/** Counts transactions that write, like PostgreSQL. */
export class TransactionIds {
  private readonly open = new Set<bigint>();
  /** PostgreSQL's first id for users. */
  private nextId = 3n;

  begin(): bigint {
    const id = this.nextId;
    this.nextId += 1n;
    this.open.add(id);
    return id;
  }

  end(id: bigint): void {
    this.open.delete(id);
  }

  /** What has ended by now: all ids below `next`, except those in `running`, which are in ascending order. */
  snapshot(): { readonly next: bigint; readonly running: readonly bigint[] } {
    return { next: this.nextId, running: [...this.open] };
  }
}

/** A waiting transaction would wait for itself: the database asks its client to try again. */
export class SerializationFailure extends Error {
  override readonly name = 'SerializationFailure';
}

/** Named locks that a transaction holds until it ends. */
export class MemoryLocks {
  private readonly held = new Map<string, { owner: object; ended: Promise<void>; end: () => void }>();
  /** The lock that each waiting transaction waits for. */
  private readonly waiting = new Map<object, string>();

  /** How many transactions wait for a lock. */
  get waitingCount(): number {
    return this.waiting.size;
  }

  isHeld(name: string, owner: object): boolean {
    return this.held.get(name)?.owner === owner;
  }

  /** False if another holds it. */
  tryAcquire(name: string, owner: object): boolean {
    const holder = this.held.get(name);
    if (holder) return holder.owner === owner;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.held.set(name, { owner, ended: promise, end: resolve });
    return true;
  }

  /** Waits until the lock is free. @throws SerializationFailure instead of waiting in a circle. */
  async acquire(name: string, owner: object): Promise<void> {
    while (!this.tryAcquire(name, owner)) await this.freed(name, owner);
  }

  /** Resolves when the lock's holder has ended; another may hold it by then. @throws SerializationFailure */
  protected async freed(name: string, owner: object): Promise<void> {
    const holder = this.held.get(name);
    if (!holder) return;
    if (this.waitsFor(holder.owner, owner)) throw new SerializationFailure(`Deadlock detected at ${name}`);
    this.waiting.set(owner, name);
    await holder.ended;
    this.waiting.delete(owner);
  }

  private waitsFor(one: object, other: object): boolean {
    const name = this.waiting.get(one);
    const next = name === undefined ? undefined : this.held.get(name)?.owner;
    return next !== undefined && (next === other || this.waitsFor(next, other));
  }

  release(owner: object): void {
    this.waiting.delete(owner);
    for (const [name, lock] of this.held) {
      if (lock.owner !== owner) continue;
      this.held.delete(name);
      lock.end();
    }
  }
}

/** Sees committed rows and its own changes, like READ COMMITTED; others see its rows after the commit. */
export class MemoryTransaction {
  /** By table and key; undefined: deleted. */
  private readonly writes = new Map<MemoryTable<unknown>, Map<string, unknown>>();
  private readonly onCommit: (() => void)[] = [];
  private readonly afterwards: (() => void)[] = [];
  private id: bigint | undefined;

  constructor(private readonly database: MemoryDatabase) {}

  get<Row>(table: MemoryTable<Row>, key: string): Row | undefined {
    const own = this.writes.get(table);
    return own?.has(key) ? (own.get(key) as Row | undefined) : table.committed.get(key);
  }

  set<Row>(table: MemoryTable<Row>, key: string, row: Row): void {
    this.write(table, key, row);
  }

  rows<Row>(table: MemoryTable<Row>): Row[] {
    const own = (this.writes.get(table) ?? []) as Iterable<readonly [string, Row | undefined]>;
    const rows = new Map<string, Row | undefined>([...table.committed, ...own]);
    return [...rows.values()].filter((row) => row !== undefined);
  }

  delete<Row>(table: MemoryTable<Row>, key: string): void {
    this.write(table, key, undefined);
  }

  insertOutbox(event: EventEnvelope, record: OutgoingRecord): void {
    const row = { id: this.database.nextOutboxId, xid: this.xid(), event, record };
    this.database.nextOutboxId += 1n;
    this.onCommitted(() => this.database.outbox.push(row));
  }

  /** Calls `callback` once the client knows of the commit. */
  afterCommit(callback: () => void): void {
    this.afterwards.push(callback);
  }

  /** Whether it has written anything. */
  get isWriting(): boolean {
    return this.id !== undefined;
  }

  /** Makes its changes visible, and releases its locks. */
  commit(): void {
    for (const [table, rows] of this.writes) {
      for (const [key, row] of rows) {
        if (row === undefined) table.committed.delete(key);
        else table.committed.set(key, row);
      }
    }
    for (const callback of this.onCommit) callback();
    this.end();
  }

  /** Ends it without effect; does nothing after {@link commit}. */
  rollback(): void {
    this.end();
  }

  committed(): void {
    for (const callback of this.afterwards) callback();
  }

  private write(table: MemoryTable<unknown>, key: string, row: unknown): void {
    this.xid();
    const rows = this.writes.get(table) ?? new Map<string, unknown>();
    this.writes.set(table, rows.set(key, row));
  }

  private onCommitted(callback: () => void): void {
    this.xid();
    this.onCommit.push(callback);
  }

  /** Assigned by its first write. */
  private xid(): bigint {
    this.id ??= this.database.transactions.begin();
    return this.id;
  }

  private end(): void {
    if (this.id !== undefined) this.database.transactions.end(this.id);
    this.database.locks.release(this);
  }
}
