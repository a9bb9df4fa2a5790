import { setTimeout as pause } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { z } from 'zod';
import { loadConfig } from './config';
import { createService, startService } from './create-service';
import { Readiness } from './health';
import { createLogging } from './logging';
import { baseOf, type ServiceDefinition } from './service-definition';

/**
 * Runs the service as this process. On SIGTERM, SIGINT or the loss of its supervisor (IPC `disconnect`), it finishes the
 * open requests and the current batch, and exits with code 0. On SIGTERM it first keeps serving for DRAIN_MS while it
 * reports itself as not ready, so that load balancers can remove it. It exits with 1 if that exceeds the grace time, if
 * it can't start, or on an uncaught error.
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
  const logging = createLogging(definition.name, LOG_LEVEL, definition.secrets);
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
