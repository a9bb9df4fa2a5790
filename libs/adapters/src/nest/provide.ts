import type { FactoryProvider, InjectionToken } from '@nestjs/common';

/** Wires a plain class, without decorators, into a Nest module: its constructor gets `dependencies` in order. */
export function provide<Args extends unknown[], Instance>(
  target: new (...args: Args) => Instance,
  ...dependencies: { [Index in keyof Args]: InjectionToken<Args[Index]> }
): FactoryProvider<Instance> {
  return {
    provide: target,
    useFactory: (...args: unknown[]) => new target(...(args as Args)),
    inject: dependencies,
  };
}
