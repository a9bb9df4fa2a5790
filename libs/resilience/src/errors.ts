/** What is known about a failed call. */
export interface Failure {
  /** True if the same call may succeed later; false if the dependency works and would refuse it again. */
  readonly transient: boolean;
  /** False only if the dependency certainly did not start to act on the call. */
  readonly mayHaveActed: boolean;
  /** How long the dependency asks us to wait before the next call, milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** A failed call that the adapter has classified. Throw it from the work that a policy runs. */
export class DependencyError extends Error {
  override readonly name: string = 'DependencyError';

  constructor(
    message: string,
    readonly failure: Failure,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A policy ended a call or did not start it. */
export abstract class PolicyError extends DependencyError {
  constructor(
    message: string,
    /** The dependency's name. */
    readonly dependency: string,
    failure: Failure,
  ) {
    super(message, failure);
  }
}

/** One attempt got no answer in time. The dependency may have acted. */
export class AttemptTimedOut extends PolicyError {
  override readonly name = 'AttemptTimedOut';

  constructor(dependency: string, ms: number) {
    super(`"${dependency}" did not answer within ${ms} ms`, dependency, {
      transient: true,
      mayHaveActed: true,
    });
  }
}

/** The call as a whole, waits and attempts, exceeded its deadline. */
export class DeadlineExceeded extends PolicyError {
  override readonly name = 'DeadlineExceeded';

  /** @param attempts how many were started; if none, the dependency can't have acted. */
  constructor(dependency: string, ms: number, attempts: number) {
    super(`The call to "${dependency}" did not finish within ${ms} ms (attempts: ${attempts})`, dependency, {
      transient: true,
      mayHaveActed: attempts > 0,
    });
  }
}

/** The circuit is open: the dependency has failed too often, so calls are suspended for a while. */
export class CircuitOpen extends PolicyError {
  override readonly name = 'CircuitOpen';

  /** @param retryAfterMs until a call is let through again. */
  constructor(dependency: string, retryAfterMs: number) {
    super(`"${dependency}" has failed too often; calls to it are suspended for now`, dependency, {
      transient: true,
      mayHaveActed: false,
      retryAfterMs,
    });
  }
}

/** All slots and all places in the queue are taken. */
export class BulkheadFull extends PolicyError {
  override readonly name = 'BulkheadFull';

  constructor(dependency: string, maxConcurrent: number, maxQueued: number) {
    super(
      `"${dependency}" has reached its limit of ${maxConcurrent} open and ${maxQueued} waiting calls`,
      dependency,
      { transient: true, mayHaveActed: false },
    );
  }
}
