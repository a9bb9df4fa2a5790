export type BreakerState = 'closed' | 'half-open' | 'open';

/** Why a call was not made or not retried. */
export type Refusal = 'bulkhead' | 'breaker' | 'budget';

export type CallOutcome = 'success' | 'failure' | 'fallback';

/** What a policy did, for logs, metrics and tests. All durations are in milliseconds. */
export type PolicyEvent = { readonly dependency: string } & (
  | {
      readonly kind: 'call';
      readonly outcome: CallOutcome;
      readonly attempts: number;
      readonly durationMs: number;
      readonly error?: unknown;
    }
  | {
      readonly kind: 'attempt';
      readonly attempt: number;
      readonly outcome: 'success' | 'failure' | 'timeout';
      readonly durationMs: number;
      readonly error?: unknown;
    }
  | { readonly kind: 'retry'; readonly attempt: number; readonly delayMs: number; readonly error: unknown }
  | { readonly kind: 'refused'; readonly by: Refusal; readonly error?: unknown }
  | { readonly kind: 'breaker'; readonly state: BreakerState; readonly error?: unknown }
);

export type PolicyListener = (event: PolicyEvent) => void;
