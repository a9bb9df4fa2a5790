import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { z } from 'zod';
import { DeadLetterService } from './events/dead-letter.service';
import { Readiness } from './health';
import { createHttpServer } from './http/http-server';
import { describeApi } from './http/open-api';
import type { ServiceDefinition } from './service-definition';
import { modulesOf } from './service-modules';
import { ProcessMetrics } from './telemetry/process-metrics';

class DescribedModule {}

/**
 * The OpenAPI document that the service serves at /docs-json, without starting it: no provider is created, so it needs
 * neither database nor log.
 */
export async function describeService<Shape extends z.ZodRawShape>(
  definition: ServiceDefinition<Shape>,
  settings: z.infer<z.ZodObject<Shape>>,
): Promise<OpenAPIObject> {
  const { name, title = name, description, events } = definition;
  const readiness = new Readiness();
  const letters = events && new DeadLetterService(name);
  const app = await NestFactory.create<NestFastifyApplication>(
    { module: DescribedModule, imports: modulesOf(definition, settings, readiness, letters) },
    createHttpServer(readiness, new ProcessMetrics(name)),
    { preview: true, abortOnError: false, logger: false },
  );
  return describeApi(app, { title, description });
}
