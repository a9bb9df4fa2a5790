/** What is known about a call that failed. */
export interface Failure {
  /** True if the same call may succeed later; false if the dependency works and says no, so that it would again. */
  readonly transient: boolean;
  /** False only if it is certain that the dependency has not begun to act on the call. */
  readonly mayHaveActed: boolean;
  /** How long the dependency asks to wait before the next call, milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** A call to a dependency failed, and its adapter knows how. Throw it from what a policy runs. */
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

/** A policy ended a call, or did not begin it. */
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

/** One attempt got no answer in its time. The dependency may have acted. */
export class AttemptTimedOut extends PolicyError {
  override readonly name = 'AttemptTimedOut';

  constructor(dependency: string, ms: number) {
    super(`"${dependency}" did not answer within ${ms} ms`, dependency, {
      transient: true,
      mayHaveActed: true,
    });
  }
}

/** The call as a whole, waiting and attempts, took longer than it may. */
export class DeadlineExceeded extends PolicyError {
  override readonly name = 'DeadlineExceeded';

  /** @param attempts how many were begun; with none, the dependency can't have acted. */
  constructor(dependency: string, ms: number, attempts: number) {
    super(`The call to "${dependency}" was not done within ${ms} ms (attempts: ${attempts})`, dependency, {
      transient: true,
      mayHaveActed: attempts > 0,
    });
  }
}

/** The circuit is open: the dependency has failed too often, and is left alone for a while. */
export class CircuitOpen extends PolicyError {
  override readonly name = 'CircuitOpen';

  /** @param retryAfterMs when the next call may be let through. */
  constructor(dependency: string, retryAfterMs: number) {
    super(`"${dependency}" has failed too often and is left alone for now`, dependency, {
      transient: true,
      mayHaveActed: false,
      retryAfterMs,
    });
  }
}

/** As many calls are open, and as many wait, as may. */
export class BulkheadFull extends PolicyError {
  override readonly name = 'BulkheadFull';

  constructor(dependency: string, maxConcurrent: number, maxQueued: number) {
    super(
      `"${dependency}" has ${maxConcurrent} calls open and ${maxQueued} waiting, which is all it may have`,
      dependency,
      { transient: true, mayHaveActed: false },
    );
  }
}
