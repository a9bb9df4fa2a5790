import { type DynamicModule, type LoggerService, RequestMethod } from '@nestjs/common';
import { currentFlow } from '@atlas/ports/adapters';
import { Logger as NestPino, LoggerModule, type Params, PinoLogger } from 'nestjs-pino';
import { type Logger, pino } from 'pino';
import { METRICS_PATH } from './telemetry/metrics.route';

export interface ServiceLogging {
  readonly logger: Logger;
  /** The same for Nest, from its first line on. */
  readonly nest: LoggerService;
  /** Logs every request. */
  readonly module: DynamicModule;
}

/** Secrets and personal data that must never reach a log, wherever a line could carry them. */
const REDACTED = [
  'authorization',
  'cookie',
  'paymentToken',
  '*.authorization',
  '*.cookie',
  '*.paymentToken',
  'req.headers.authorization',
  'req.headers.cookie',
  // What a failed query was called with.
  'err.parameters',
  'err.driverError',
];

/** What Nest tells about its own start is for those who look for it. */
const FRAMEWORK = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
  'NestMicroservice',
]);

/** JSON lines on stdout, each with the service's name, and with the ids of the work that it is about. */
export function createLogging(service: string, level: string): ServiceLogging {
  const logger = pino({
    level,
    base: { service },
    mixin: () => {
      const flow = currentFlow();
      return flow ? { correlationId: flow.correlationId, traceId: flow.traceparent?.split('-')[1] } : {};
    },
    redact: { paths: REDACTED, remove: true },
  });
  const params: Params = {
    // The library's own default, `{/*splat}`, matches nothing in this version of Fastify's middleware engine.
    forRoutes: [{ path: '*path', method: RequestMethod.ALL }],
    pinoHttp: {
      logger,
      quietReqLogger: true,
      // A middleware's `url` may lack what it is mounted at.
      autoLogging: {
        ignore: (request: { url?: string; originalUrl?: string }) => request.originalUrl === METRICS_PATH,
      },
      customLogLevel: (_request, response, error) => {
        if (error || response.statusCode >= 500) return 'error';
        // What went well is worth a line only to those who look for it: at full load these lines cost as much as work.
        return response.statusCode >= 400 ? 'info' : 'debug';
      },
      // What went wrong is logged where it was met; here it would be an error made from the status alone.
      customErrorObject: (_request, _response, _error, line: { err?: unknown }) => ({
        ...line,
        err: undefined,
      }),
      serializers: {
        req: ({ method, url }: { method: string; url: string }) => ({ method, url }),
        res: ({ statusCode }: { statusCode: number }) => ({ statusCode }),
      },
    },
  };
  const nest = new NestPino(new PinoLogger(params), params);
  return {
    logger,
    module: LoggerModule.forRoot(params),
    nest: {
      log: (message: unknown, ...rest: unknown[]) =>
        FRAMEWORK.has(String(rest.at(-1))) ? nest.debug(message, ...rest) : nest.log(message, ...rest),
      error: (message: unknown, ...rest: unknown[]) => nest.error(message, ...rest),
      warn: (message: unknown, ...rest: unknown[]) => nest.warn(message, ...rest),
      debug: (message: unknown, ...rest: unknown[]) => nest.debug(message, ...rest),
      verbose: (message: unknown, ...rest: unknown[]) => nest.verbose(message, ...rest),
      fatal: (message: unknown, ...rest: unknown[]) => nest.fatal(message, ...rest),
    },
  };
}
