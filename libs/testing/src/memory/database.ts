import type { EventEnvelope } from '@atlas/events';
import type { StoredDeadLetter } from '@atlas/ports/adapters';

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

/** The data of a service, which several processes may share. */
export class MemoryDatabase {
  readonly outbox: EventEnvelope[] = [];
  /** By consumer and event: when it was handled, milliseconds since 1970. */
  readonly inbox = new MemoryTable<number>();
  readonly deadLetters = new MemoryTable<{ readonly consumer: string; readonly letter: StoredDeadLetter }>();
  readonly attempts = new Map<string, number>();
  readonly idempotencyKeys = new MemoryTable<AnswerRow>();
  readonly locks = new MemoryLocks();
  private readonly tables = new Map<string, MemoryTable<unknown>>();

  /** A table of the service; always the same one for a name. */
  table<Row>(name: string): MemoryTable<Row> {
    const table = (this.tables.get(name) ?? new MemoryTable()) as MemoryTable<Row>;
    this.tables.set(name, table);
    return table;
  }
}

/** Named locks that a transaction holds until it ends. */
export class MemoryLocks {
  private readonly held = new Map<string, { owner: object; ended: Promise<void>; end: () => void }>();

  /** False if another holds it. */
  tryAcquire(name: string, owner: object): boolean {
    const holder = this.held.get(name);
    if (holder) return holder.owner === owner;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.held.set(name, { owner, ended: promise, end: resolve });
    return true;
  }

  /** Waits until the lock is free. There is no deadlock detection: always take locks in the same order. */
  async acquire(name: string, owner: object): Promise<void> {
    while (!this.tryAcquire(name, owner)) await this.held.get(name)?.ended;
  }

  release(owner: object): void {
    for (const [name, lock] of this.held) {
      if (lock.owner !== owner) continue;
      this.held.delete(name);
      lock.end();
    }
  }
}

/** Sees committed rows and its own changes, like READ COMMITTED; others see its rows after the commit. */
export class MemoryTransaction {
  private readonly writes = new Map<MemoryTable<unknown>, Map<string, unknown>>();
  private readonly onCommit: (() => void)[] = [];

  get<Row>(table: MemoryTable<Row>, key: string): Row | undefined {
    return (this.writes.get(table)?.get(key) as Row | undefined) ?? table.committed.get(key);
  }

  set<Row>(table: MemoryTable<Row>, key: string, row: Row): void {
    const rows = this.writes.get(table) ?? new Map<string, unknown>();
    this.writes.set(table, rows.set(key, row));
  }

  rows<Row>(table: MemoryTable<Row>): Row[] {
    return [
      ...new Map([...table.committed, ...((this.writes.get(table) ?? []) as Map<string, Row>)]).values(),
    ];
  }

  delete<Row>(table: MemoryTable<Row>, key: string): void {
    this.whenCommitted(() => table.committed.delete(key));
  }

  whenCommitted(callback: () => void): void {
    this.onCommit.push(callback);
  }

  commit(): void {
    for (const [table, rows] of this.writes) for (const [key, row] of rows) table.committed.set(key, row);
    for (const callback of this.onCommit) callback();
  }
}
