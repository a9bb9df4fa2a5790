import type { Abstract, FactoryProvider, InjectionToken } from '@nestjs/common';

/** A constant among the dependencies of {@link provide}, such as a setting. */
class Value<T> {
  constructor(readonly value: T) {}
}

type Dependency<T> = InjectionToken<T> | Value<T>;

type Dependencies<Args> = { [Index in keyof Args]: Dependency<Args[Index]> };

export const value = <T>(constant: T): Value<T> => new Value(constant);

/** Wires a plain class, without decorators, into a Nest module: its constructor gets `dependencies` in order. */
export function provide<Args extends unknown[], Instance>(
  target: new (...args: Args) => Instance,
  ...dependencies: Dependencies<Args>
): FactoryProvider<Instance> {
  const given: readonly Dependency<unknown>[] = dependencies;
  return {
    provide: target,
    useFactory: (...injected: unknown[]) => {
      const args = given.map((dependency) =>
        dependency instanceof Value ? dependency.value : injected.shift(),
      );
      return new target(...(args as Args));
    },
    inject: given.filter((dependency): dependency is InjectionToken => !(dependency instanceof Value)),
  };
}

/** Has a port served by an adapter: whoever asks for the port gets it. */
export function serve<Port, Args extends unknown[], Adapter extends Port>(
  port: Abstract<Port>,
  adapter: new (...args: Args) => Adapter,
  ...dependencies: Dependencies<Args>
): FactoryProvider<Adapter> {
  return { ...provide(adapter, ...dependencies), provide: port };
}
