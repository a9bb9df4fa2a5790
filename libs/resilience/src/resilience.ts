import type { PolicyEvent, PolicyListener } from './policy/events';
import { Policy, type PolicyOptions, type PolicyState } from './policy/policy';
import type { PolicySettings } from './policy/settings';

/** The policies of this process, by the dependency that each stands before. */
export class Resilience {
  private readonly policies: ReadonlyMap<string, Policy>;
  private readonly listeners = new Set<PolicyListener>();

  constructor(
    settings: Readonly<Record<string, PolicySettings>>,
    options: Readonly<Record<string, Pick<PolicyOptions, 'classify'>>> = {},
  ) {
    const listener = (event: PolicyEvent) => this.listeners.forEach((listen) => listen(event));
    this.policies = new Map(
      Object.entries(settings).map(([dependency, policy]) => [
        dependency,
        new Policy(dependency, policy, { ...options[dependency], listener }),
      ]),
    );
  }

  /** @throws Error that lists the dependencies there are. */
  policy(dependency: string): Policy {
    const policy = this.policies.get(dependency);
    if (policy) return policy;
    const known = [...this.policies.keys()].join(', ') || 'none';
    throw new Error(`There is no policy for "${dependency}"; declared are: ${known}`);
  }

  /** One for each dependency: for health and the status. */
  states(): readonly PolicyState[] {
    return [...this.policies.values()].map((policy) => policy.state());
  }

  /** Tells `listener` of everything that policies do. @returns how to stop that. */
  listen(listener: PolicyListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
