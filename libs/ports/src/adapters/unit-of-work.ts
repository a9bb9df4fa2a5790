/**
 * One transaction of this service's database. Repositories, the outbox, the inbox and the idempotency store
 * take part in the unit of work that is open around them; without one, each opens its own.
 */
export abstract class UnitOfWork {
  /**
   * Runs `work` in a transaction and commits it; rolls back and rethrows if `work` throws. Inside an open
   * unit of work it joins that one. Serialization failures and deadlocks of an outermost unit are retried
   * with backoff, so `work` must be safe to run again: no effects but through the ports named above.
   */
  abstract run<T>(work: () => Promise<T>): Promise<T>;

  /**
   * Names aggregates that the open unit will probably change, so that adapters can load them together instead of one
   * after the other. A hint: ids that nothing has are no error.
   */
  abstract announce(ids: readonly string[]): void;

  /** Calls `callback` once the open unit of work has committed, never if it rolls back; at once if none is open. */
  abstract afterCommit(callback: () => void): void;
}
