import 'reflect-metadata';
import type { DynamicModule, Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';

type Token = unknown;

interface Recipe {
  readonly inject: readonly Token[];
  readonly make: (...dependencies: unknown[]) => unknown;
}

type Handle = (event: unknown) => unknown;

/** Where Nest keeps the event type of an `@EventPattern` method. */
const PATTERN = 'microservices:pattern';

/**
 * A service as its own Nest module wires it, without Nest: a process starts in microseconds. What the module gets from
 * outside, such as its repositories, is replaced.
 */
export class Container {
  private readonly instances: Map<Token, unknown>;
  private readonly recipes = new Map<Token, Recipe>();

  /**
   * @param given serves these tokens instead of the module.
   * @param onExecute told the name of each use case that runs.
   */
  constructor(
    private readonly definition: DynamicModule,
    given: readonly (readonly [Token, unknown])[],
    private readonly onExecute: (useCase: string) => void = () => undefined,
  ) {
    this.instances = new Map(given);
    this.instances.set(ModuleRef, { get: (token: Token) => this.get(token) });
    this.collect(definition);
  }

  /** @throws Error that names what is missing. */
  get<T>(token: Token): T {
    if (!this.instances.has(token)) this.instances.set(token, this.make(token));
    return this.instances.get(token) as T;
  }

  /** Whether the module, or what was given, has something for this token. */
  has(token: Token): boolean {
    return this.instances.has(token) || this.recipes.has(token);
  }

  /** The methods of the module's controllers that handle events, by the event's type. */
  eventHandlers(): ReadonlyMap<string, Handle> {
    const handlers = new Map<string, Handle>();
    for (const controller of this.definition.controllers ?? []) {
      const prototype = controller.prototype as object;
      for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
        if (typeof value !== 'function') continue;
        const [type] = (Reflect.getMetadata(PATTERN, value as object) as string[] | undefined) ?? [];
        if (type === undefined) continue;
        const instance = this.get<Record<string, Handle>>(controller);
        handlers.set(type, (event) => instance[name]?.(event));
      }
    }
    return handlers;
  }

  /** The module's commands, queries and jobs: what has an `execute` method. */
  useCases(): readonly string[] {
    return [...this.recipes.keys()].flatMap((token) => (isUseCase(token) ? [token.name] : []));
  }

  private collect({ providers = [], imports = [] }: DynamicModule): void {
    for (const provider of providers) {
      if (typeof provider === 'function') this.recipes.set(provider, recipeOf(provider));
      else if ('useFactory' in provider) {
        const inject = (provider.inject ?? []) as Token[];
        this.recipes.set(provider.provide, { inject, make: provider.useFactory as Recipe['make'] });
      }
    }
    for (const imported of imports) this.collect(imported as DynamicModule);
  }

  private make(token: Token): unknown {
    const recipe = this.recipes.get(token) ?? (typeof token === 'function' && recipeOf(token as Type));
    if (!recipe) throw new Error(`Nothing serves ${String(token)}`);
    const instance = recipe.make(...recipe.inject.map((dependency) => this.get(dependency)));
    if (isUseCase(token)) this.observe(token.name, instance as UseCase);
    return instance;
  }

  private observe(name: string, instance: UseCase): void {
    const execute = instance.execute.bind(instance);
    instance.execute = (...args) => {
      this.onExecute(name);
      return execute(...args);
    };
  }
}

interface UseCase {
  execute(...args: unknown[]): unknown;
}

const isUseCase = (token: Token): token is Type<UseCase> =>
  typeof token === 'function' &&
  typeof (token.prototype as { execute?: unknown } | undefined)?.execute === 'function';

function recipeOf(target: Type): Recipe {
  const inject = (Reflect.getMetadata('design:paramtypes', target) as Token[] | undefined) ?? [];
  return {
    inject,
    make: (...dependencies) => {
      if (dependencies.length < target.length) throw new Error(`Nothing serves ${target.name}`);
      return new target(...dependencies) as unknown;
    },
  };
}
