/**
 * A transaction on this service's database. Repositories, the outbox, the inbox and the idempotency store join the open
 * unit of work; without one, each opens its own.
 */
export abstract class UnitOfWork {
  /**
   * Runs `work` in a transaction and commits it; rolls back and rethrows if `work` throws. Joins an open unit of work.
   * Serialization failures and deadlocks of an outermost unit are retried with backoff, so `work` must be safe to run
   * again: it may have effects only through the ports named above.
   * @param signal of an outermost unit: when it aborts, the unit is rolled back at once and rejects with the signal's
   *   reason, even if `work` never ends; what `work` still tries in it fails.
   */
  abstract run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;

  /**
   * Whether the database responds, over a new connection, within a moment: this tells work that takes too long from a
   * database that is away or hangs. Never rejects.
   */
  abstract responds(): Promise<boolean>;

  /**
   * Names aggregates that the open unit will probably change, so that adapters can load them together instead of one by
   * one. Only a hint: unknown ids are not an error.
   */
  abstract announce(ids: readonly string[]): void;

  /** Calls `callback` after the open unit of work commits, and never if it rolls back; immediately if none is open. */
  abstract afterCommit(callback: () => void): void;
}
