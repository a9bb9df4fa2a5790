import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { z } from 'zod';
import { reportDependencies } from './dependencies';
import { consumeEvents } from './events/consume-events';
import { DeadLetterService } from './events/dead-letter.service';
import { Readiness } from './health';
import { createHttpServer } from './http/http-server';
import { shedLoadAsSet } from './http/load-shedding';
import { serveOpenApi } from './http/open-api';
import { ProblemFilter } from './http/problem.filter';
import { ValidationPipe } from './http/validation.pipe';
import { createLogging, type ServiceLogging } from './logging';
import { modulesOf } from './service-modules';
import { baseOf, type BaseSettings, type ServiceDefinition } from './service-definition';
import { ProcessMetrics } from './telemetry/process-metrics';

const READINESS_TIMEOUT_MS = 2_000;

class ServiceModule {}

/** Creates the service's application: wired and ready to `init()` or {@link startService}, but not listening. */
export async function createService<Shape extends z.ZodRawShape>(
  definition: ServiceDefinition<Shape>,
  settings: z.infer<z.ZodObject<Shape>>,
  logging: ServiceLogging = createLogging(definition.name, baseOf(settings).LOG_LEVEL, definition.secrets),
): Promise<NestFastifyApplication> {
  const metrics = new ProcessMetrics(definition.name);
  const readiness = new Readiness();
  const letters = definition.events && new DeadLetterService(definition.name);
  const adapter = createHttpServer(readiness, metrics);
  shedLoadAsSet(adapter.getInstance(), baseOf(settings));
  const app = await NestFactory.create<NestFastifyApplication>(
    {
      module: ServiceModule,
      imports: [logging.module, ...modulesOf(definition, settings, readiness, letters)],
    },
    adapter,
    { logger: logging.nest, abortOnError: false, bodyParser: false },
  );
  app.useGlobalFilters(new ProblemFilter(adapter));
  app.useGlobalPipes(new ValidationPipe());
  for (const [name, check] of Object.entries(definition.readiness ?? {})) {
    readiness.add(name, (indicator) =>
      indicator.attempt(async () => void (await check(app))).withTimeout(READINESS_TIMEOUT_MS),
    );
  }
  reportDependencies(app, readiness, process.env);
  const { name, events: catalogue } = definition;
  if (catalogue && letters) consumeEvents(app, { name, catalogue }, baseOf(settings), readiness, letters);
  serveOpenApi(app, { title: definition.title ?? definition.name, description: definition.description });
  return app;
}

/** Starts the consumer and HTTP. @returns the URL that it listens on. */
export async function startService(app: NestFastifyApplication, settings: BaseSettings): Promise<string> {
  await app.init();
  await app.startAllMicroservices();
  // Not app.listen(), which also logs a port that is in use, as the caller does.
  return app.getHttpAdapter().getInstance().listen({ host: settings.HOST, port: settings.PORT });
}
