import { z } from 'zod';

/** Settings that are wrong, each named with what is allowed. The values are left out: some are secrets. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const postgresUrl = z.url({ protocol: /^postgres(ql)?$/ });

const KAFKA_URL = /^kafka:\/\/[^\s,:/@]+:\d{1,5}(?:,[^\s,:/@]+:\d{1,5})*$/;

/** Of no effect on the embedded log. The names are those of Kafka's own settings. */
const kafkaSettings = {
  KAFKA_SECURITY_PROTOCOL: z
    .enum(['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'])
    .optional()
    .describe('PLAINTEXT (the default), SSL, SASL_PLAINTEXT or SASL_SSL'),
  KAFKA_SASL_MECHANISM: z
    .enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])
    .optional()
    .describe('PLAIN (the default), SCRAM-SHA-256 or SCRAM-SHA-512'),
  KAFKA_SASL_USERNAME: z.string().optional().describe('a name that the brokers know'),
  KAFKA_SASL_PASSWORD: z.string().optional().describe("that name's password"),
  KAFKA_SSL_CA_FILE: z.string().optional().describe('a file with the certificates to trust, PEM'),
  KAFKA_REPLICATION_FACTOR: z.coerce
    .number()
    .int()
    .min(1)
    .max(32_767)
    .optional()
    .describe(
      'a whole number from 1 (the default): how many brokers keep each record of topics that are made',
    ),
  KAFKA_RETENTION_HOURS: z.coerce
    .number()
    .positive()
    .max(100 * 365 * 24)
    .optional()
    .describe(
      'a number of hours, at most 100 years; the default is a week: how long topics that are made keep records',
    ),
};

const requestsAtATime = z.coerce.number().int().min(1).max(100_000);

const httpSettings = {
  HTTP_LOAD_SHEDDING: z
    .enum(['on', 'off'])
    .default('on')
    .describe('on or off: whether requests are refused at once, by 503, when too many are in work'),
  HTTP_LATENCY_TARGET_MS: z.coerce
    .number()
    .int()
    .min(1)
    .max(60_000)
    .default(1_000)
    .describe(
      'a whole number of milliseconds from 1 to 60000: answers that take longer mean that too many requests are in work',
    ),
  HTTP_MIN_IN_FLIGHT: requestsAtATime
    .default(32)
    .describe('a whole number from 1 to 100000: so many requests at a time are always taken in'),
  HTTP_MAX_IN_FLIGHT: requestsAtATime
    .default(1_000)
    .describe('a whole number from 1 to 100000: more requests at a time are never taken in'),
};

/**
 * The settings that every service has. Describe a setting with what it allows, as the last thing: that is the
 * sentence an operator reads when the value is wrong.
 */
export const serviceSettings = (defaults: { readonly port: number }) =>
  z.object({
    HOST: z.string().min(1).default('127.0.0.1').describe('an address or host name to listen on'),
    PORT: z.coerce
      .number()
      .int()
      .min(0)
      .max(65_535)
      .default(defaults.port)
      .describe('a TCP port from 1 to 65535, or 0 for any that is free'),
    DATABASE_URL: postgresUrl.describe(
      "the URL of this service's database, postgres://user:password@host/name",
    ),
    EVENT_LOG_URL: z
      .union([z.string().regex(KAFKA_URL), postgresUrl])
      .describe(
        "where the event log is: kafka://host:port,host:port or, for the embedded one, its database's URL, " +
          'postgres://user:password@host/name',
      ),
    ...kafkaSettings,
    INBOX_RETENTION_HOURS: z.coerce
      .number()
      .positive()
      .optional()
      .describe(
        'a number of hours: how long a consumer knows an event that it has handled. Default: as long as the log can ' +
          'deliver it again; it must not be less',
      ),
    DRAIN_MS: z.coerce
      .number()
      .int()
      .min(0)
      .max(300_000)
      .default(0)
      .describe(
        'a whole number of milliseconds from 0 to 300000: how long it serves on after SIGTERM, while its readiness ' +
          'says no, so that a load balancer has time to leave it out',
      ),
    ...httpSettings,
    LOG_LEVEL: z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
      .default('info')
      .describe('one of fatal, error, warn, info, debug, trace and silent'),
  });

export type ServiceSettings = z.infer<ReturnType<typeof serviceSettings>>;

/**
 * Reads settings from the environment; an empty value counts as none.
 * @throws ConfigError that names every wrong setting and what it allows.
 */
export function loadConfig<Shape extends z.ZodRawShape>(
  settings: z.ZodObject<Shape>,
  env: Readonly<Record<string, string | undefined>>,
): z.infer<z.ZodObject<Shape>> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const result = settings.safeParse(given);
  if (result.success) return result.data;
  const sentences = new Map<string, string>();
  for (const { path, message } of result.error.issues) {
    const name = String(path[0] ?? 'The settings');
    const allowed = (settings.shape[name] as z.ZodType | undefined)?.description;
    const problem = given[name] === undefined ? 'is missing' : 'is wrong';
    sentences.set(name, `${name} ${problem}: it must be ${allowed ?? `valid (${message})`}.`);
  }
  throw new ConfigError([...sentences.values()].join('\n'));
}
