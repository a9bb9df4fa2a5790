import {
  MemoryAttempts,
  MemoryDatabase,
  MemoryLocks,
  MemoryTransaction,
  MemoryUnitOfWork,
} from '@atlas/testing';
import type { Attempt } from '@atlas/ports/adapters';
import type { SimulatedProcess } from './process';

/** As `pg` reports a connection that ended. */
const connectionLost = () =>
  Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' });

/** The connection of a relay that owns the outbox. */
export interface RelaySession {
  readonly process: SimulatedProcess;
  /** The client has noticed that it ended. */
  isLost: boolean;
  /** Something was committed since the last read began. */
  hasChanged: boolean;
  wake: () => void;
}

/** A service's database: each statement is a step of the process that sends it. */
export class SimulatedDatabase extends MemoryDatabase {
  override readonly locks: MemoryLocks = new SimulatedLocks();
  readonly open = new Set<SimulatedTransaction>();
  isAway = false;
  /** Who owns the outbox. */
  owner: RelaySession | undefined;

  /** @throws Error of a lost connection */
  async statement(
    process: SimulatedProcess,
    what: string,
    transaction?: SimulatedTransaction,
  ): Promise<void> {
    const mishap = await process.step(what, ['refused']);
    if (mishap !== undefined || this.isAway || transaction?.isTerminated) throw connectionLost();
  }

  /** All connections end, and no new ones are accepted until it is back. */
  goAway(): void {
    this.isAway = true;
    for (const transaction of this.open) transaction.terminate();
    this.endOwnership();
  }

  /** What a process that died held is free again. */
  forget(process: SimulatedProcess): void {
    for (const transaction of this.open) if (transaction.process === process) transaction.terminate();
    if (this.owner?.process === process) this.endOwnership();
  }

  /** Tells the relay that rows were committed. */
  notify(): void {
    const { owner } = this;
    if (!owner) return;
    owner.hasChanged = true;
    owner.wake();
  }

  private endOwnership(): void {
    const { owner } = this;
    this.owner = undefined;
    if (!owner) return;
    owner.isLost = true;
    owner.wake();
  }
}

/** Each lock is a statement. */
class SimulatedLocks extends MemoryLocks {
  override async acquire(name: string, owner: SimulatedTransaction): Promise<void> {
    await owner.statement('lock');
    while (!this.tryAcquire(name, owner)) {
      await this.freed(name, owner);
      await owner.process.resume();
      owner.requireOpen();
    }
  }
}

export class SimulatedTransaction extends MemoryTransaction {
  isTerminated = false;
  /** The ids of the events whose handlers ran in it. */
  readonly effects: string[] = [];

  constructor(
    private readonly server: SimulatedDatabase,
    readonly process: SimulatedProcess,
  ) {
    super(server);
    server.open.add(this);
  }

  statement(what: string): Promise<void> {
    return this.server.statement(this.process, what, this);
  }

  requireOpen(): void {
    if (this.isTerminated) throw connectionLost();
  }

  /** Its connection ends: the server rolls it back. */
  terminate(): void {
    this.isTerminated = true;
    this.rollback();
  }

  override commit(): void {
    super.commit();
    this.server.open.delete(this);
  }

  override rollback(): void {
    super.rollback();
    this.server.open.delete(this);
  }
}

export class SimulatedUnitOfWork extends MemoryUnitOfWork {
  /** @param onCommit sees each transaction at the moment of its commit. */
  constructor(
    private readonly server: SimulatedDatabase,
    private readonly process: SimulatedProcess,
    private readonly onCommit: (transaction: SimulatedTransaction) => void,
  ) {
    super(server);
  }

  /** Another connection of the same process: its transactions are its own. */
  apart(): SimulatedUnitOfWork {
    return new SimulatedUnitOfWork(this.server, this.process, this.onCommit);
  }

  protected override async begin(): Promise<SimulatedTransaction> {
    await this.server.statement(this.process, 'begin');
    return new SimulatedTransaction(this.server, this.process);
  }

  protected override async commit(transaction: SimulatedTransaction): Promise<void> {
    // What only reads has nothing to lose.
    const hasEffect = transaction.isWriting || transaction.effects.length > 0;
    if (hasEffect) await transaction.statement('commit');
    transaction.requireOpen();
    const rows = this.server.outbox.length;
    transaction.commit();
    if (!hasEffect) return;
    this.onCommit(transaction);
    if (this.server.outbox.length > rows) this.server.notify();
    const mishap = await this.process.step('committed', ['lost']);
    if (mishap !== undefined || this.server.isAway) throw connectionLost();
  }
}

export class SimulatedAttempts extends MemoryAttempts {
  constructor(
    private readonly server: SimulatedDatabase,
    private readonly process: SimulatedProcess,
  ) {
    super(server);
  }

  override async begin(consumer: string, attempt: Attempt, anew?: boolean): Promise<number> {
    await this.server.statement(this.process, 'attempt');
    return super.begin(consumer, attempt, anew);
  }

  override async end(consumer: string, topic: string, partition: number): Promise<void> {
    await this.server.statement(this.process, 'attempt');
    return super.end(consumer, topic, partition);
  }
}
