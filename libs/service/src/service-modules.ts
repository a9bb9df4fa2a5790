import type { ModuleMetadata } from '@nestjs/common';
import type { z } from 'zod';
import type { DeadLetterService } from './events/dead-letter.service';
import { DeadLettersModule } from './events/dead-letters.controller';
import { HealthModule, type Readiness } from './health';
import { IdempotencyModule } from './http/idempotency.module';
import type { ServiceDefinition } from './service-definition';

/** What a service is made of: its own module, and those with the routes that every service has. */
export const modulesOf = <Shape extends z.ZodRawShape>(
  definition: ServiceDefinition<Shape>,
  settings: z.infer<z.ZodObject<Shape>>,
  readiness: Readiness,
  letters: DeadLetterService | undefined,
): NonNullable<ModuleMetadata['imports']> => [
  HealthModule.register(readiness),
  IdempotencyModule,
  ...(letters ? [DeadLettersModule.register(letters)] : []),
  definition.module(settings),
];
