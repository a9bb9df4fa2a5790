import { z } from 'zod';

/** Names every invalid setting and what it allows; never its value, which may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const postgresUrl = z.url({ protocol: /^postgres(ql)?$/ });

const KAFKA_URL = /^kafka:\/\/[^\s,:/@]+:\d{1,5}(?:,[^\s,:/@]+:\d{1,5})*$/;

/** Ignored by the embedded log. Named after Kafka's own settings. */
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
  KAFKA_PREFIX: z
    .string()
    .max(100)
    .regex(/^(?!__|\.)[a-zA-Z0-9._-]*\.$/)
    .optional()
    .describe(
      'at most 100 letters, digits, ".", "_" and "-" that end with ".", such as "staging.", and begin with neither ' +
        '"." nor "__": it begins the names of topics, groups and publishers on the brokers, so that several platforms ' +
        'can share them; the default is none',
    ),
  KAFKA_REPLICATION_FACTOR: z.coerce
    .number()
    .int()
    .min(1)
    .max(32_767)
    .optional()
    .describe('a whole number from 1 (the default): on how many brokers a new topic keeps each record'),
};

const requestsAtATime = z.coerce.number().int().min(1).max(100_000);

const httpSettings = {
  HTTP_LOAD_SHEDDING: z
    .enum(['on', 'off'])
    .default('on')
    .describe('on or off: whether requests are refused with 503 when too many are in progress'),
  HTTP_LATENCY_TARGET_MS: z.coerce
    .number()
    .int()
    .min(1)
    .max(60_000)
    .default(1_000)
    .describe(
      'a whole number of milliseconds from 1 to 60000: slower responses mean that too many requests are in progress',
    ),
  HTTP_MIN_IN_FLIGHT: requestsAtATime
    .default(32)
    .describe('a whole number from 1 to 100000: this many concurrent requests are always accepted'),
  HTTP_MAX_IN_FLIGHT: requestsAtATime
    .default(1_000)
    .describe('a whole number from 1 to 100000: more concurrent requests are never accepted'),
};

/** Of the outboxes. */
export const DEFAULT_OUTBOX_RETENTION_HOURS = 7 * 24;

/**
 * The settings of every service. End each schema with a description of what it allows: an operator reads it when the
 * value is invalid.
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
      .describe('a TCP port from 1 to 65535, or 0 for any free one'),
    DATABASE_URL: postgresUrl.describe(
      "the URL of this service's database, postgres://user:password@host/name",
    ),
    MIGRATIONS: z
      .enum(['run', 'await'])
      .default('run')
      .describe('run or await: whether it migrates its database when it starts, or waits until a job has'),
    EVENT_LOG_URL: z
      .union([z.string().regex(KAFKA_URL), postgresUrl])
      .describe(
        "the event log's URL: kafka://host:port,host:port or, for the embedded log, its database's URL, " +
          'postgres://user:password@host/name',
      ),
    EVENT_LOG_RETENTION_HOURS: z.coerce
      .number()
      .positive()
      .max(100 * 365 * 24)
      .optional()
      .describe(
        'a number of hours, at most 100 years; the default is a week: how long the event log keeps records (Kafka: in ' +
          'new topics)',
      ),
    ...kafkaSettings,
    OUTBOX_RETENTION_HOURS: z.coerce
      .number()
      .min(0)
      .default(DEFAULT_OUTBOX_RETENTION_HOURS)
      .describe(
        'a number of hours from 0: how long published events are kept in the outboxes, from where they can be published ' +
          'again after a restore. Must be the same for all relays and consumers of a platform',
      ),
    INBOX_RETENTION_HOURS: z.coerce
      .number()
      .positive()
      .optional()
      .describe(
        'a number of hours: how long a consumer remembers the events that it has handled. Default: a day longer than the ' +
          'minimum, which is as long as an outbox can publish them again and then the log can redeliver them',
      ),
    ON_LOG_GAP: z
      .enum(['stop', 'continue'])
      .default('stop')
      .describe(
        'stop or continue: what a consumer does in a partition whose log has deleted records before it handled them. ' +
          'It stops there, or continues at the oldest record',
      ),
    DEAD_LETTER_RETENTION_HOURS: z.coerce
      .number()
      .positive()
      .optional()
      .describe(
        'a number of hours: how long a consumer keeps dead letters that were resolved, if the log does not keep their ' +
          'records for longer. Default: 30 days',
      ),
    DEAD_LETTERS_MAX: z.coerce
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .describe(
        'a whole number from 1 to 1000000: with so many open dead letters, a consumer sets nothing more aside, and ' +
          'partitions with records that it would have to set aside stand still',
      ),
    EVENT_TIMEOUT_MS: z.coerce
      .number()
      .int()
      .min(1)
      // A transaction that is idle for a minute is ended by the database, and a rebalance waits for a minute.
      .max(50_000)
      .default(30_000)
      .describe(
        'a whole number of milliseconds from 1 to 50000: how long a consumer may take for the events of one transaction; ' +
          'an event that alone takes longer, again and again, becomes a dead letter',
      ),
    DRAIN_MS: z.coerce
      .number()
      .int()
      .min(0)
      .max(300_000)
      .default(0)
      .describe(
        'a whole number of milliseconds from 0 to 300000: how long it still serves after SIGTERM, while it reports ' +
          'itself as not ready, so that load balancers can remove it',
      ),
    ...httpSettings,
    LOG_LEVEL: z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
      .default('info')
      .describe('one of fatal, error, warn, info, debug, trace and silent'),
  });

export type ServiceSettings = z.infer<ReturnType<typeof serviceSettings>>;

/**
 * Reads settings from the environment; an empty value counts as unset.
 * @throws ConfigError that names every invalid setting and what it allows.
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
