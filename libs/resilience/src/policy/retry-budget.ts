import type { PolicySettings } from './settings';

/**
 * A token bucket that limits retries to a share of the calls plus a few per second: a failing dependency gets at most
 * 1 + ratio times its usual load, not a multiple for each layer that retries.
 *
 * Sources: Google, Site Reliability Engineering, chapter 21 "Handling Overload" (a per-client retry budget); AWS
 * Builders' Library, "Timeouts, retries, and backoff with jitter" (a local token bucket for retries).
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

  /** Call it once per call, however often that is retried. */
  earn(): void {
    this.add(this.settings.budgetRatio);
  }

  /** @returns whether one more retry may be made; if so, it is paid for. */
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
