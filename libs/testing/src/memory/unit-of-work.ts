import { AsyncLocalStorage } from 'node:async_hooks';
import { UnitOfWork } from '@atlas/ports/adapters';
import { type MemoryDatabase, MemoryTransaction, SerializationFailure } from './database';

export interface MemoryFaults {
  /** Called before each commit; an error it throws makes the commit fail. */
  beforeCommit?: (transaction: MemoryTransaction) => void;
}

export class MemoryUnitOfWork extends UnitOfWork {
  private readonly open = new AsyncLocalStorage<MemoryTransaction>();

  constructor(
    readonly database: MemoryDatabase,
    private readonly faults: MemoryFaults = {},
  ) {
    super();
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.open.getStore()) return work();
    for (;;) {
      try {
        return await this.transaction(work);
      } catch (error) {
        if (!(error instanceof SerializationFailure)) throw error;
      }
    }
  }

  /** Does nothing: preloading data that is in memory has no benefit. */
  announce(): void {
    if (!this.open.getStore()) throw new Error('This requires an open unit of work');
  }

  afterCommit(callback: () => void): void {
    const transaction = this.open.getStore();
    if (transaction) transaction.afterCommit(callback);
    else callback();
  }

  /** The open unit's transaction. @throws Error if none is open. */
  get current(): MemoryTransaction {
    const transaction = this.open.getStore();
    if (!transaction) throw new Error('This requires an open unit of work');
    return transaction;
  }

  /** Opens a transaction. */
  protected async begin(): Promise<MemoryTransaction> {
    return new MemoryTransaction(this.database);
  }

  protected async commit(transaction: MemoryTransaction): Promise<void> {
    this.faults.beforeCommit?.(transaction);
    transaction.commit();
  }

  private async transaction<T>(work: () => Promise<T>): Promise<T> {
    const transaction = await this.begin();
    try {
      const value = await this.open.run(transaction, work);
      await this.commit(transaction);
      transaction.committed();
      return value;
    } finally {
      transaction.rollback();
    }
  }
}
