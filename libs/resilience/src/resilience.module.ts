import { type DynamicModule, Module, type OnModuleInit } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { logPolicies } from './policy/log';
import { measurePolicies } from './policy/metrics';
import { type Declarations, loadPolicies } from './policy/settings';
import { connectResilience } from './resilient';
import { Resilience } from './resilience';

/** The policies of a service's dependencies, as {@link Resilience} for its adapters; logged and measured. */
@Module({})
export class ResilienceModule implements OnModuleInit {
  constructor(
    private readonly resilience: Resilience,
    private readonly discovery: DiscoveryService,
  ) {}

  /** @throws ResilienceConfigError that names every setting that is wrong in `declarations` or `env`. */
  static register(
    declarations: Declarations,
    env: Readonly<Record<string, string | undefined>> = process.env,
  ): DynamicModule {
    const resilience = new Resilience(loadPolicies(declarations, env));
    logPolicies(resilience);
    measurePolicies(resilience);
    return {
      module: ResilienceModule,
      global: true,
      imports: [DiscoveryModule],
      providers: [{ provide: Resilience, useValue: resilience }],
      exports: [Resilience],
    };
  }

  /** Before any adapter is called: connects those with `@Resilient` methods. */
  onModuleInit(): void {
    for (const { instance } of this.discovery.getProviders() as { instance: unknown }[]) {
      if (typeof instance === 'object' && instance !== null) connectResilience(instance, this.resilience);
    }
  }
}
