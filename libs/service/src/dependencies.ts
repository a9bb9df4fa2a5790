import type { INestApplicationContext } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { loadPolicies, type PolicyState, Resilience } from '@atlas/resilience';
import type { Readiness } from './health';

/**
 * Shows the circuit to each dependency in the readiness. One that is open degrades the service, and never makes it
 * unready: what needs the dependency fails fast or waits, and all else is served.
 * @throws ResilienceConfigError if the environment has settings for policies that this service does not have.
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
        ? indicator.degraded({ ...state, message: 'it has failed too often and is left alone for now' })
        : indicator.up(state);
    });
  }
}

function find(app: INestApplicationContext): Resilience | undefined {
  // Not the application itself, which logs what it does not find as an error.
  const container = app.get(ModuleRef);
  try {
    return container.get(Resilience, { strict: false });
  } catch {
    return undefined;
  }
}
