import { AsyncLocalStorage } from 'node:async_hooks';
import { UnitOfWork } from '@atlas/ports/adapters';
import { type MemoryDatabase, MemoryTransaction, SerializationFailure } from './database';

export interface MemoryFaults {
  /** Called before each commit; an error it throws makes the commit fail. */
  beforeCommit?: (transaction: MemoryTransaction) => void;
  /** Whether the database does not respond, see {@link UnitOfWork.responds}. */
  isAway?: () => boolean;
}

export class MemoryUnitOfWork extends UnitOfWork {
  private readonly open = new AsyncLocalStorage<MemoryTransaction>();
  private readonly aborted = new WeakSet<MemoryTransaction>();

  constructor(
    readonly database: MemoryDatabase,
    private readonly faults: MemoryFaults = {},
  ) {
    super();
  }

  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.open.getStore()) return work();
    for (;;) {
      try {
        return await this.transaction(work, signal);
      } catch (error) {
        if (!(error instanceof SerializationFailure)) throw error;
      }
    }
  }

  async responds(): Promise<boolean> {
    return !this.faults.isAway?.();
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
    if (this.aborted.has(transaction)) throw new Error('The unit of work was aborted');
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

  private async transaction<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const transaction = await this.begin();
    const aborted = Promise.withResolvers<never>();
    const abort = () => {
      this.aborted.add(transaction);
      aborted.reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', abort);
    try {
      const value = await Promise.race([this.open.run(transaction, work), aborted.promise]);
      await this.commit(transaction);
      transaction.committed();
      return value;
    } finally {
      signal?.removeEventListener('abort', abort);
      transaction.rollback();
    }
  }
}
