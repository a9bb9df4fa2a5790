import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { DynamicModule, INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { EventCatalogue } from '@atlas/events';
import { Attempts, DeadLetters, EventLog, Inbox, UnitOfWork } from '@atlas/ports/adapters';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { z } from 'zod';
import { loadConfig, type ServiceSettings } from './config';
import { reportDependencies } from './dependencies';
import { DeadLetterService } from './events/dead-letter.service';
import { DeadLettersModule } from './events/dead-letters.controller';
import { EventLogServer } from './events/event-log-server';
import { HealthModule, Readiness } from './health';
import { registerFlow } from './http/flow.hook';
import { IdempotencyModule } from './http/idempotency.module';
import { acceptJsonOnly } from './http/json-body';
import { type LimitSettings, shedLoadAsSet } from './http/load-shedding';
import { serveOpenApi } from './http/open-api';
import { ProblemFilter, sendProblem } from './http/problem.filter';
import { ValidationPipe } from './http/validation.pipe';
import { createLogging, type ServiceLogging } from './logging';
import { measureRequests } from './telemetry/http-metrics';
import { serveMetrics } from './telemetry/metrics.route';
import { ProcessMetrics } from './telemetry/process-metrics';

/** What makes one service different from the others. */
export interface ServiceDefinition<Shape extends z.ZodRawShape> {
  /** Also the consumer group. */
  readonly name: string;
  /** The headline of its API pages. Default: the name. */
  readonly title?: string;
  readonly description?: string;
  readonly settings: z.ZodObject<Shape>;
  /** The composition root. */
  readonly module: (settings: z.infer<z.ZodObject<Shape>>) => DynamicModule | Type;
  /**
   * The events that it may consume, if its controllers have `@EventPattern` methods; the ports of the backbone must be
   * in its container then.
   */
  readonly events?: EventCatalogue;
  /** How long requests and the batch in hand may take after the order to stop, milliseconds. Default 10,000. */
  readonly graceMs?: number;
  /** By name, what must be reachable for it to serve requests: a promise that rejects, or takes 2 s, means it isn't. */
  readonly readiness?: Readonly<Record<string, (app: INestApplicationContext) => Promise<unknown>>>;
}

type BaseSettings = Pick<ServiceSettings, 'HOST' | 'PORT' | 'LOG_LEVEL'> &
  Partial<Pick<ServiceSettings, 'DRAIN_MS' | 'INBOX_RETENTION_HOURS'>> &
  Partial<LimitSettings>;

const BODY_LIMIT_BYTES = 1_048_576;
const READINESS_TIMEOUT_MS = 2_000;

/** Makes the service's application, wired and ready to `init()` or {@link startService}, but not listening. */
export async function createService<Shape extends z.ZodRawShape>(
  definition: ServiceDefinition<Shape>,
  settings: z.infer<z.ZodObject<Shape>>,
  logging: ServiceLogging = createLogging(definition.name, baseOf(settings).LOG_LEVEL),
): Promise<NestFastifyApplication> {
  const metrics = new ProcessMetrics(definition.name);
  const readiness = new Readiness();
  const desk = definition.events && new DeadLetterService(definition.name, definition.events.decode);
  const adapter = createAdapter(readiness, metrics);
  shedLoadAsSet(adapter.getInstance(), baseOf(settings));
  const app = await NestFactory.create<NestFastifyApplication>(
    {
      module: ServiceModule,
      imports: [
        logging.module,
        HealthModule.register(readiness),
        IdempotencyModule,
        ...(desk ? [DeadLettersModule.register(desk)] : []),
        definition.module(settings),
      ],
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
  if (catalogue && desk) consumeEvents(app, { name, catalogue }, baseOf(settings), readiness, desk);
  serveOpenApi(app, { title: definition.title ?? definition.name, description: definition.description });
  return app;
}

/** Starts consumers and HTTP. @returns the URL that it listens on. */
export async function startService(app: NestFastifyApplication, settings: BaseSettings): Promise<string> {
  await app.init();
  await app.startAllMicroservices();
  // Not app.listen(): that logs the error of a port in use once more than its caller does.
  return app.getHttpAdapter().getInstance().listen({ host: settings.HOST, port: settings.PORT });
}

/**
 * Runs the service as this process. It ends with exit code 0 on SIGTERM, SIGINT or the loss of its supervisor (IPC
 * `disconnect`), after the requests and the batch in hand. On SIGTERM it serves on for DRAIN_MS before that, while its
 * readiness says no, so that a load balancer has time to leave it out. It ends with 1 if that takes longer than its grace time, if it
 * can't start, or if an error escapes.
 */
export async function bootService<Shape extends z.ZodRawShape>(
  definition: ServiceDefinition<Shape>,
): Promise<void> {
  let settings: z.infer<z.ZodObject<Shape>>;
  try {
    settings = loadConfig(definition.settings, process.env);
  } catch (error) {
    process.stderr.write(`${definition.name} can't start.\n${(error as Error).message}\n`);
    process.exit(1);
  }
  const { HOST, PORT, LOG_LEVEL } = baseOf(settings);
  const logging = createLogging(definition.name, LOG_LEVEL);
  const { logger } = logging;
  const { graceMs = 10_000 } = definition;

  let app: NestFastifyApplication | undefined;
  let stopping = false;
  const stop = async (reason: string) => {
    if (stopping) return;
    stopping = true;
    logger.info(`${definition.name} stops: ${reason}`);
    const limitMs = graceMs + (baseOf(settings).DRAIN_MS ?? 0);
    setTimeout(() => {
      logger.fatal(`${definition.name} did not stop within ${limitMs} ms`);
      process.exit(1);
    }, limitMs).unref();
    try {
      if (reason === 'SIGTERM' && app) await drain(app, baseOf(settings).DRAIN_MS ?? 0);
      await app?.close();
      process.exit(0);
    } catch (error) {
      logger.fatal(error, `${definition.name} failed to stop`);
      process.exit(1);
    }
  };
  const die = (error: unknown) => {
    logger.fatal(error, `${definition.name} fails: an error escaped`);
    process.exit(1);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
  process.on('disconnect', () => void stop('its supervisor is gone'));

  try {
    const created = await createService(definition, settings, logging);
    app = created;
    const url = await startService(created, { HOST, PORT, LOG_LEVEL });
    logger.info(`${definition.name} is ready at ${url}, its API at ${url}/docs`);
  } catch (error) {
    if (stopping) return;
    if ((error as { code?: string }).code === 'EADDRINUSE') {
      logger.fatal(`${definition.name} can't start: port ${PORT} of ${HOST} is in use; free it or set PORT`);
    } else {
      logger.fatal(error, `${definition.name} can't start: ${(error as Error).message}`);
    }
    process.exit(1);
  }
}

async function drain(app: NestFastifyApplication, forMs: number): Promise<void> {
  app.get(Readiness).leave();
  await pause(forMs);
}

class ServiceModule {}

// Settings always have these three; the generic shape can't say so.
const baseOf = (settings: unknown) => settings as BaseSettings;

function createAdapter(readiness: Readiness, metrics: ProcessMetrics): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: 30_000,
    // What comes while the service stops is still answered; the database closes after HTTP.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
    genReqId: () => randomUUID(),
    frameworkErrors: (error: unknown, _request: unknown, reply: FastifyReply) => sendProblem(error, reply),
  });
  const fastify = adapter.getInstance();
  measureRequests(fastify);
  acceptJsonOnly(fastify);
  registerFlow(fastify);
  serveMetrics(fastify, metrics);
  endConnectionsOnLeave(fastify, readiness);
  return adapter;
}

/**
 * Without this, a connection that was busy when the service began to stop stays open, and so does the service. And its
 * clients are told in time, so that none sends on a connection that is being closed.
 */
function endConnectionsOnLeave(fastify: FastifyInstance, readiness: Readiness): void {
  let closing = false;
  fastify.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (closing || readiness.leaving) void reply.header('Connection', 'close');
    done(null, payload);
  });
  // For answers whose headers were on their way already.
  fastify.addHook('onResponse', (_request, _reply, done) => {
    if (closing) setImmediate(() => fastify.server.closeIdleConnections());
    done();
  });
}

function consumeEvents(
  app: NestFastifyApplication,
  { name, catalogue }: { readonly name: string; readonly catalogue: EventCatalogue },
  { INBOX_RETENTION_HOURS: inboxHours }: BaseSettings,
  readiness: Readiness,
  desk: DeadLetterService,
): void {
  const unitOfWork = app.get<UnitOfWork>(UnitOfWork);
  const inbox = app.get<Inbox>(Inbox);
  const deadLetters = app.get<DeadLetters>(DeadLetters);
  const attempts = app.get<Attempts>(Attempts);
  const server = new EventLogServer(
    { eventLog: app.get<EventLog>(EventLog), unitOfWork, inbox, deadLetters, attempts },
    {
      group: name,
      catalogue,
      inboxRetentionMs: inboxHours === undefined ? undefined : inboxHours * 3_600_000,
    },
  );
  desk.open({ unitOfWork, inbox, deadLetters, server });
  app.connectMicroservice({ strategy: server }, { inheritAppConfig: true });
  // Requests are served without the log, too: its events wait in the outbox. So this degrades, and never fails.
  readiness.add('events', async (indicator) => {
    const partitions = server.assignment();
    return partitions
      ? indicator.up({ partitions })
      : indicator.degraded({ message: 'not a member of its consumer group yet' });
  });
}
