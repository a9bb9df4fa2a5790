import { z } from 'zod';

/** Settings that are wrong, each named with what is allowed. The values are left out: some are secrets. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const postgresUrl = z.url({ protocol: /^postgres(ql)?$/ });

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
    EVENT_LOG_URL: postgresUrl.describe(
      "the URL of the event log's database, postgres://user:password@host/name",
    ),
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
