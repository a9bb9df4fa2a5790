import type { Call } from './policy/policy';
import type { Resilience } from './resilience';

const registries = new WeakMap<object, Resilience>();
const dependencies = new WeakMap<object, Set<string>>();

/**
 * Runs a method of an adapter under the policy of `dependency`; `currentAttempt().signal` is there for it to hand on.
 * Nest's container must have the adapter and {@link ResilienceModule}; elsewhere, use {@link connectResilience}.
 */
export function Resilient(dependency: string, { idempotent = false }: Pick<Call<never>, 'idempotent'> = {}) {
  return <Args extends unknown[], Result>(
    prototype: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<(...args: Args) => Promise<Result>>,
  ): void => {
    const method = descriptor.value;
    if (!method) throw new Error(`@Resilient stands before a method; ${String(name)} is none`);
    const declared = dependencies.get(prototype) ?? new Set();
    dependencies.set(prototype, declared.add(dependency));
    descriptor.value = async function (this: object, ...args: Args): Promise<Result> {
      const resilience = registries.get(this);
      if (!resilience) {
        throw new Error(
          `${this.constructor.name}.${String(name)} is @Resilient, yet nothing has connected it to its policies`,
        );
      }
      return resilience.policy(dependency).execute(() => method.apply(this, args), { idempotent });
    };
  };
}

/**
 * Gives an adapter's {@link Resilient} methods their policies; for one without such methods it does nothing.
 * @throws Error if a policy that it needs isn't there.
 */
export function connectResilience(adapter: object, resilience: Resilience): void {
  let isResilient = false;
  for (let at: object | null = adapter; at; at = Object.getPrototypeOf(at) as object | null) {
    for (const dependency of dependencies.get(at) ?? []) {
      resilience.policy(dependency);
      isResilient = true;
    }
  }
  if (isResilient) registries.set(adapter, resilience);
}
