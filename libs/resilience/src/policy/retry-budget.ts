import type { PolicySettings } from './settings';

/**
 * A token bucket that bounds repeats to a share of the calls, plus a few per second: a dependency that fails gets at
 * most 1 + ratio times its usual load, not a multiple for each layer that repeats.
 *
 * Sources: Google, Site Reliability Engineering, chapter 21 "Handling Overload" (a per-client retry budget); AWS
 * Builders' Library, "Timeouts, retries, and backoff with jitter" (a local token bucket for repeats).
 */
export class RetryBudget {
  private tokens: number;
  private at = Date.now();

  constructor(
    private readonly settings: Pick<
      PolicySettings['retry'],
      'budgetRatio' | 'budgetPerSecond' | 'budgetBurst'
    >,
  ) {
    this.tokens = settings.budgetBurst;
  }

  /** To be told of each call, once, however often it is repeated. */
  earn(): void {
    this.add(this.settings.budgetRatio);
  }

  /** @returns whether one more repeat may be made; it is paid for then. */
  spend(): boolean {
    const now = Date.now();
    this.add(((now - this.at) / 1_000) * this.settings.budgetPerSecond);
    this.at = now;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  private add(tokens: number): void {
    this.tokens = Math.min(this.settings.budgetBurst, this.tokens + tokens);
  }
}
