import { type DynamicModule, type LoggerService, RequestMethod } from '@nestjs/common';
import { currentFlow } from '@atlas/ports/adapters';
import { Logger as NestPino, LoggerModule, type Params, PinoLogger } from 'nestjs-pino';
import { type Logger, pino } from 'pino';
import { METRICS_PATH } from './telemetry/metrics.route';

export interface ServiceLogging {
  readonly logger: Logger;
  /** The same logger for Nest, from its first line. */
  readonly nest: LoggerService;
  /** Logs every request. */
  readonly module: DynamicModule;
}

/** Secrets that must never reach a log, at every path where a line could carry them. */
const SECRETS = ['authorization', 'cookie'];

/** What else may carry secrets: the parameters of a failed query. */
const REDACTED = ['req.headers.authorization', 'req.headers.cookie', 'err.parameters', 'err.driverError'];

/** Nest's own start-up lines are logged at debug level. */
const FRAMEWORK = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
  'NestMicroservice',
]);

/**
 * Logs JSON lines to stdout, each with the service's name and the ids of the flow it belongs to.
 * @param secrets fields that no line may carry, beyond those that every service has.
 */
export function createLogging(
  service: string,
  level: string,
  secrets: readonly string[] = [],
): ServiceLogging {
  const fieldsToRemove = [...SECRETS, ...secrets].flatMap((field) => [field, `*.${field}`]);
  const logger = pino({
    level,
    base: { service },
    mixin: () => {
      const flow = currentFlow();
      return flow ? { correlationId: flow.correlationId, traceId: flow.traceparent?.split('-')[1] } : {};
    },
    redact: { paths: [...fieldsToRemove, ...REDACTED], remove: true },
  });
  const params: Params = {
    // The library's own default, `{/*splat}`, matches nothing in this version of Fastify's middleware engine.
    forRoutes: [{ path: '*path', method: RequestMethod.ALL }],
    pinoHttp: {
      logger,
      quietReqLogger: true,
      // A middleware's `url` may lack its mount path.
      autoLogging: {
        ignore: (request: { url?: string; originalUrl?: string }) => request.originalUrl === METRICS_PATH,
      },
      customLogLevel: (_request, response, error) => {
        if (error || response.statusCode >= 500) return 'error';
        // Successes are logged at debug level: under full load, these lines would cost as much as the work.
        return response.statusCode >= 400 ? 'info' : 'debug';
      },
      // Errors are logged where they are caught; here there would only be one made from the status.
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
      // What Nest throws when it can't start, its caller logs.
      error: (message: unknown, ...rest: unknown[]) =>
        rest.at(-1) === 'ExceptionHandler' ? undefined : nest.error(message, ...rest),
      warn: (message: unknown, ...rest: unknown[]) => nest.warn(message, ...rest),
      debug: (message: unknown, ...rest: unknown[]) => nest.debug(message, ...rest),
      verbose: (message: unknown, ...rest: unknown[]) => nest.verbose(message, ...rest),
      fatal: (message: unknown, ...rest: unknown[]) => nest.fatal(message, ...rest),
    },
  };
}
