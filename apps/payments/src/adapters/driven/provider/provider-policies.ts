import { loadPolicies, type PolicyDeclaration } from '@atlas/resilience';
import { ConfigError } from '@atlas/service';

/** How many calls of each kind may be in progress at a time. */
export const MAX_OPEN = 32;

/**
 * The policies for calls of the provider.
 *
 * why: reads have a circuit breaker of their own: when charges fail, reads still tell what became of them (ADR 13).
 * @param timeoutMs for one request, milliseconds.
 */
export const providerPolicies = (timeoutMs: number) => {
  const policy = {
    deadline: { ms: 4_000 },
    bulkhead: { maxConcurrent: MAX_OPEN },
    breaker: { failures: 5, openMs: 1_000 },
    timeout: { ms: timeoutMs },
  } satisfies PolicyDeclaration;
  return { provider: policy, providerReads: policy };
};

/**
 * An attempt is at most a call and a read; a lease that ended earlier would make others repeat it in vain.
 * @returns `leaseMs`.
 * @throws ConfigError if it is too short.
 */
export function sufficientLease(leaseMs: number, policies: ReturnType<typeof providerPolicies>): number {
  const attemptMs = Object.values(loadPolicies(policies, process.env))
    .map(({ deadline: { enabled, ms } }) => (enabled ? ms : Infinity))
    .reduce((sum, ms) => sum + ms);
  if (leaseMs > attemptMs) return leaseMs;
  throw new ConfigError(
    `PAYMENT_LEASE_MS is ${leaseMs}, but an attempt may take ${attemptMs} ms: make it longer, or ` +
      'RESILIENCE_PROVIDER_DEADLINE_MS and RESILIENCE_PROVIDER_READS_DEADLINE_MS shorter.',
  );
}
