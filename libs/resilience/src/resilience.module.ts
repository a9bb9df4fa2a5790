import { type DynamicModule, Module } from '@nestjs/common';
import { logPolicies } from './policy/log';
import { measurePolicies } from './policy/metrics';
import { type Declarations, loadPolicies } from './policy/settings';
import { Resilience } from './resilience';

/** The policies of a service's dependencies, as {@link Resilience} for its adapters; logged and measured. */
@Module({})
export class ResilienceModule {
  /** @throws ResilienceConfigError that names every wrong setting in `declarations` or `env`. */
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
      providers: [{ provide: Resilience, useValue: resilience }],
      exports: [Resilience],
    };
  }
}
