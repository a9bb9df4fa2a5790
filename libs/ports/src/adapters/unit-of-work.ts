/**
 * A transaction on this service's database. Repositories, the outbox, the inbox and the idempotency store join the open
 * unit of work; without one, each opens its own.
 */
export abstract class UnitOfWork {
  /**
   * Runs `work` in a transaction and commits it; rolls back and rethrows if `work` throws. Joins an open unit of work.
   * Serialization failures and deadlocks of an outermost unit are retried with backoff, so `work` must be safe to run
   * again: it may have effects only through the ports named above.
   */
  abstract run<T>(work: () => Promise<T>): Promise<T>;

  /**
   * Names aggregates that the open unit will probably change, so that adapters can load them together instead of one by
   * one. Only a hint: unknown ids are not an error.
   */
  abstract announce(ids: readonly string[]): void;

  /** Calls `callback` after the open unit of work commits, and never if it rolls back; immediately if none is open. */
  abstract afterCommit(callback: () => void): void;
}
