import type { INestApplicationContext } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { loadPolicies, type PolicyState, Resilience } from '@atlas/resilience';
import type { Readiness } from './health';

/**
 * Adds the circuit of each dependency to the readiness. An open one degrades the service but never makes it unready:
 * requests that need the dependency fail fast or wait, and all others are served.
 * @throws ResilienceConfigError if the environment configures policies that this service does not have.
 */
export function reportDependencies(
  app: INestApplicationContext,
  readiness: Readiness,
  env: Readonly<Record<string, string | undefined>>,
): void {
  const resilience = find(app);
  if (!resilience) {
    loadPolicies({}, env);
    return;
  }
  for (const { dependency } of resilience.states()) {
    readiness.add(dependency, async (indicator) => {
      const { breaker, since } = resilience.policy(dependency).state();
      const state: Pick<PolicyState, 'breaker' | 'since'> = { breaker, since };
      return breaker === 'open' || breaker === 'half-open'
        ? indicator.degraded({ ...state, message: 'too many failures: calls are suspended for now' })
        : indicator.up(state);
    });
  }
}

function find(app: INestApplicationContext): Resilience | undefined {
  // Not app.get(), which logs a missing provider as an error.
  const container = app.get(ModuleRef);
  try {
    return container.get(Resilience, { strict: false });
  } catch {
    return undefined;
  }
}
