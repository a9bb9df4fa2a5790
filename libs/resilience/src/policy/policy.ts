import {
  bulkhead,
  type BulkheadPolicy,
  circuitBreaker,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  DelegateBackoff,
  ExponentialBackoff,
  fullJitterGenerator,
  handleWhen,
  type IBackoff,
  isBrokenCircuitError,
  isBulkheadRejectedError,
  isTaskCancelledError,
  noop,
  retry,
  SamplingBreaker,
  TaskCancelledError,
  timeout,
  TimeoutStrategy,
} from 'cockatiel';
import { classifyError } from '../classify';
import { AttemptTimedOut, BulkheadFull, CircuitOpen, DeadlineExceeded } from '../errors';
import type { BreakerState, PolicyListener } from './events';
import { RetryBudget } from './retry-budget';
import type { PolicySettings } from './settings';

/** One attempt, as seen by the work that it runs. */
export interface Attempt {
  /** From 1. */
  readonly number: number;
  /** Aborts when the time of the attempt or of the call is up, when the caller gives up, and once it is done. */
  readonly signal: AbortSignal;
}

export interface Call<T> {
  /** True if doing it twice equals doing it once: it is then retried even if it may have taken effect. Default false. */
  readonly idempotent?: boolean;
  /** Lets the caller end the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Supplies the result once the call has finally failed. */
  readonly fallback?: (error: unknown) => T | Promise<T>;
}

export interface PolicyOptions {
  readonly listener?: PolicyListener;
}

/** The observable state of a policy. */
export interface PolicyState {
  readonly dependency: string;
  /** Undefined without a breaker. */
  readonly breaker?: BreakerState;
  /** When the state last changed; undefined if it was always closed. */
  readonly since?: Date;
  /** Why it opened. */
  readonly reason?: string;
  readonly running: number;
  readonly queued: number;
}

/** The caller or the deadline ended the call while an attempt was running. */
class CallEnded extends Error {
  constructor(readonly countsAsFailure: boolean) {
    super('The call has ended');
  }
}

/** The dependency refused the call, so it works: to the breaker this is a success. */
class Refused {
  constructor(readonly error: unknown) {}
}

/** A call in progress. */
interface Run {
  readonly call: Call<unknown>;
  readonly endsAt: number;
  attempts: number;
}

/** The maximum of a timer, almost 25 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Everything between a caller and one dependency, from the outside in:
 * fallback → deadline → bulkhead → retry → breaker → timeout. docs/resilience.md explains the order.
 */
export class Policy {
  private readonly deadline;
  private readonly bulkhead: BulkheadPolicy;
  private readonly budget: RetryBudget;
  private readonly breaker: CircuitBreakerPolicy;
  private readonly timeout;
  private readonly listener: PolicyListener;
  private change: { readonly at: number; readonly reason?: string } | undefined;
  private probes = 0;

  constructor(
    readonly dependency: string,
    readonly settings: PolicySettings,
    { listener = () => undefined }: PolicyOptions = {},
  ) {
    this.listener = listener;
    const { deadline, timeout: perAttempt, bulkhead: room, retry: repeats } = settings;
    const strategy = TimeoutStrategy.Aggressive;
    this.deadline = deadline.enabled ? timeout(deadline.ms, { strategy, abortOnReturn: false }) : noop;
    // An attempt without its own limit must still end with its call, or its slot would never be free again.
    this.timeout = timeout(perAttempt.enabled ? perAttempt.ms : MAX_TIMER_MS, {
      strategy,
      abortOnReturn: true,
    });
    this.bulkhead = room.enabled ? bulkhead(room.maxConcurrent, room.maxQueued) : bulkhead(Infinity);
    this.budget = new RetryBudget(repeats);
    this.breaker = this.createBreaker();
  }

  /**
   * Calls the dependency, as often as the policy allows.
   * @param work makes one attempt; it must pass its signal on and read the response to its end.
   * @throws the error of the last attempt, or a PolicyError: AttemptTimedOut, DeadlineExceeded, CircuitOpen, BulkheadFull.
   */
  async execute<T>(work: (attempt: Attempt) => T | Promise<T>, call: Call<T> = {}): Promise<T> {
    call.signal?.throwIfAborted();
    const began = Date.now();
    const { enabled, ms } = this.settings.deadline;
    const run: Run = { call, endsAt: enabled ? began + ms : Infinity, attempts: 0 };
    const report = (outcome: 'success' | 'failure' | 'fallback', error?: unknown) => {
      const { dependency } = this;
      const durationMs = Date.now() - began;
      this.listener({ kind: 'call', dependency, outcome, attempts: run.attempts, durationMs, error });
    };
    try {
      const value = await this.withinDeadline(run, work);
      report('success');
      return value;
    } catch (error) {
      if (!call.fallback || call.signal?.aborted) {
        report('failure', error);
        throw error;
      }
      report('fallback', error);
      return call.fallback(error);
    }
  }

  state(): PolicyState {
    const { dependency, bulkhead: room, settings } = this;
    return {
      dependency,
      ...(settings.breaker.enabled && { breaker: STATES[this.breaker.state] }),
      ...(this.change && { since: new Date(this.change.at), reason: this.change.reason }),
      running: settings.bulkhead.enabled ? settings.bulkhead.maxConcurrent - room.executionSlots : 0,
      queued: settings.bulkhead.enabled ? settings.bulkhead.maxQueued - room.queueSlots : 0,
    };
  }

  private async withinDeadline<T>(run: Run, work: (attempt: Attempt) => T | Promise<T>): Promise<T> {
    const { signal } = run.call;
    let ended: AbortSignal | undefined;
    try {
      return await this.deadline.execute((context) => {
        ended = context.signal;
        return this.withinBulkhead(run, context.signal, work);
      }, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (ended?.aborted) {
        throw new DeadlineExceeded(this.dependency, this.settings.deadline.ms, run.attempts);
      }
      throw error;
    }
  }

  private async withinBulkhead<T>(
    run: Run,
    signal: AbortSignal,
    work: (attempt: Attempt) => T | Promise<T>,
  ): Promise<T> {
    // Tells the bulkhead's own errors from those of the work inside.
    let entered = false;
    try {
      return await this.bulkhead.execute(() => {
        entered = true;
        this.budget.earn();
        return this.repeatedly(run, signal, work);
      }, signal);
    } catch (error) {
      if (entered || !isBulkheadRejectedError(error)) throw error;
      const { maxConcurrent, maxQueued } = this.settings.bulkhead;
      this.listener({ kind: 'refused', dependency: this.dependency, by: 'bulkhead' });
      throw new BulkheadFull(this.dependency, maxConcurrent, maxQueued);
    }
  }

  private async repeatedly<T>(
    run: Run,
    signal: AbortSignal,
    work: (attempt: Attempt) => T | Promise<T>,
  ): Promise<T> {
    const { initialDelayMs: initialDelay, maxDelayMs: maxDelay } = this.settings.retry;
    const generator = fullJitterGenerator;
    let backoff: IBackoff<unknown> = new ExponentialBackoff({ generator, initialDelay, maxDelay }).next();
    let delayMs: number | undefined;
    const again = handleWhen((error) => {
      delayMs = signal.aborted ? undefined : this.delayBeforeNext(run, error, backoff.duration);
      backoff = backoff.next(undefined);
      return delayMs !== undefined;
    });
    const retrying = retry(again, {
      maxAttempts: Infinity,
      backoff: new DelegateBackoff(() => delayMs ?? 0),
    });
    const outcome = await retrying.execute(() => {
      // The end of the call does not cut the wait for the next attempt short.
      if (signal.aborted) throw new CallEnded(false);
      return this.throughBreaker(run, signal, work);
    }, signal);
    if (outcome instanceof Refused) throw outcome.error;
    return outcome;
  }

  /** @returns milliseconds, or undefined for no further attempt. */
  private delayBeforeNext(run: Run, error: unknown, jitterMs: number): number | undefined {
    const { enabled, maxAttempts } = this.settings.retry;
    if (!enabled || run.attempts >= maxAttempts) return undefined;
    if (error instanceof CallEnded || error instanceof CircuitOpen) return undefined;
    const { transient, mayHaveActed, retryAfterMs = 0 } = classifyError(error);
    if (!transient || (mayHaveActed && !run.call.idempotent)) return undefined;
    // Not before the time that the dependency asks for, and then not all at once.
    const delayMs = retryAfterMs + jitterMs;
    if (Date.now() + delayMs >= run.endsAt) return undefined;
    const { dependency } = this;
    if (!this.budget.spend()) {
      this.listener({ kind: 'refused', dependency, by: 'budget', error });
      return undefined;
    }
    this.listener({ kind: 'retry', dependency, attempt: run.attempts + 1, delayMs, error });
    return delayMs;
  }

  private async throughBreaker<T>(
    run: Run,
    signal: AbortSignal,
    work: (attempt: Attempt) => T | Promise<T>,
  ): Promise<T | Refused> {
    if (!this.settings.breaker.enabled) return this.attempt(run, signal, work, false);
    if (this.breaker.state === CircuitState.HalfOpen) {
      if (this.probes >= this.settings.breaker.halfOpenCalls) throw this.circuitOpen();
      this.probes += 1;
    }
    let entered = false;
    try {
      return await this.breaker.execute(() => {
        entered = true;
        const isProbe = this.breaker.state === CircuitState.HalfOpen;
        return this.attempt(run, signal, work, isProbe);
      });
    } catch (error) {
      if (!entered && isBrokenCircuitError(error)) throw this.circuitOpen();
      throw error;
    }
  }

  private circuitOpen(): CircuitOpen {
    const sinceMs = Date.now() - (this.change?.at ?? 0);
    this.listener({ kind: 'refused', dependency: this.dependency, by: 'breaker' });
    return new CircuitOpen(this.dependency, Math.max(0, this.settings.breaker.openMs - sinceMs));
  }

  private async attempt<T>(
    run: Run,
    signal: AbortSignal,
    work: (attempt: Attempt) => T | Promise<T>,
    isProbe: boolean,
  ): Promise<T | Refused> {
    const { dependency } = this;
    const began = Date.now();
    const number = (run.attempts += 1);
    const report = (outcome: 'success' | 'failure' | 'timeout', error?: unknown) => {
      const durationMs = Date.now() - began;
      this.listener({ kind: 'attempt', dependency, attempt: number, outcome, durationMs, error });
    };
    try {
      const value = await this.timeout.execute(async ({ signal: attemptSignal }) => {
        try {
          return await work({ number, signal: attemptSignal });
        } catch (error) {
          // Whatever error the work made of the signal.
          throw attemptSignal.aborted ? new TaskCancelledError() : error;
        }
      }, signal);
      report('success');
      return value;
    } catch (error) {
      if (signal.aborted) {
        // A caller that gives up says nothing about the dependency, but a probe without an answer is no success.
        const ended = new CallEnded(isProbe || !run.call.signal?.aborted);
        report('failure', ended);
        throw ended;
      }
      if (isTaskCancelledError(error)) {
        const late = new AttemptTimedOut(dependency, this.settings.timeout.ms);
        report('timeout', late);
        throw late;
      }
      report('failure', error);
      if (!classifyError(error).transient) return new Refused(error);
      throw error;
    }
  }

  private createBreaker(): CircuitBreakerPolicy {
    const { opens, failures, failureRatio, windowMs, minimumPerSecond, openMs, halfOpenCalls } =
      this.settings.breaker;
    const breaker = circuitBreaker(
      handleWhen((error) => !(error instanceof CallEnded) || error.countsAsFailure),
      {
        breaker:
          opens === 'consecutive'
            ? new ConsecutiveBreaker(failures)
            : new SamplingBreaker({
                threshold: failureRatio,
                duration: windowMs,
                minimumRps: minimumPerSecond,
              }),
        halfOpenAfter: openMs,
        halfOpenSampling: { calls: halfOpenCalls, threshold: 0 },
      },
    );
    breaker.onBreak((reason) => this.changed('open', 'error' in reason ? reason.error : undefined));
    breaker.onHalfOpen(() => {
      this.probes = 1;
      this.changed('half-open');
    });
    breaker.onReset(() => this.changed('closed'));
    return breaker;
  }

  private changed(state: BreakerState, error?: unknown): void {
    const reason = error instanceof Error ? error.message : undefined;
    this.change = { at: Date.now(), ...(reason !== undefined && { reason }) };
    this.listener({ kind: 'breaker', dependency: this.dependency, state, error });
  }
}

const STATES: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
};
