import type { PolicyEvent, PolicyListener } from './policy/events';
import { Policy, type PolicyState } from './policy/policy';
import type { PolicySettings } from './policy/settings';

/** The policies of this process, by the dependency that each protects. */
export class Resilience {
  private readonly policies: ReadonlyMap<string, Policy>;
  private readonly listeners = new Set<PolicyListener>();

  constructor(settings: Readonly<Record<string, PolicySettings>>) {
    const listener = (event: PolicyEvent) => this.listeners.forEach((listen) => listen(event));
    this.policies = new Map(
      Object.entries(settings).map(([dependency, policy]) => [
        dependency,
        new Policy(dependency, policy, { listener }),
      ]),
    );
  }

  /** @throws Error that lists the dependencies there are. */
  policy(dependency: string): Policy {
    const policy = this.policies.get(dependency);
    if (policy) return policy;
    const known = [...this.policies.keys()].join(', ') || 'none';
    throw new Error(`There is no policy for "${dependency}"; declared: ${known}`);
  }

  /** One per dependency, for health checks and metrics. */
  states(): readonly PolicyState[] {
    return [...this.policies.values()].map((policy) => policy.state());
  }

  /** Calls `listener` for every event of every policy. @returns a function that stops this. */
  listen(listener: PolicyListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
