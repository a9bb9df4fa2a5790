import { isInfrastructureError } from '@atlas/resilience';
import { DataSource, type EntitySchema } from 'typeorm';
import { type MigrateOptions, migrateOnce, PendingMigrationsError, requireMigrations } from './migrate';
import { QueryTimeoutClient } from './query-timeout-client';
import { CONNECT_TIMEOUT_MS, patiently } from './waiting';

export interface DatabaseOptions extends MigrateOptions {
  readonly entities?: readonly EntitySchema[];
  /** `run`: runs pending migrations. `await`: waits until a job has run them, and made the database and its user. Default `run`. */
  readonly migrate?: 'run' | 'await' | undefined;
  /** Maximum number of connections. */
  readonly poolSize?: number;
  /** Statement timeout, milliseconds; doesn't apply to migrations. Default 10,000. */
  readonly statementTimeoutMs?: number;
}

const STATEMENT_TIMEOUT_MS = 10_000;
/** How much longer than the server-side timeout to wait before treating the server as unreachable, milliseconds. */
const ANSWER_MARGIN_MS = 1_000;

/**
 * Connects to a database with the schema that this code needs; retries with backoff while it is unavailable or starting, or
 * another process is to migrate it.
 * @throws DatabaseSetupError if it is to migrate, and the server rejects the user, has no such database, or a migration fails.
 */
export const connectDatabase = (options: DatabaseOptions): Promise<DataSource> =>
  patiently(mayPass, () => connectOnce(options), options.onRetry);

const mayPass = (error: unknown): boolean =>
  isInfrastructureError(error) || error instanceof PendingMigrationsError;

async function connectOnce(options: DatabaseOptions): Promise<DataSource> {
  const waits = options.migrate === 'await';
  if (!waits) await migrateOnce(options);
  const timeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  const dataSource = new DataSource({
    type: 'postgres',
    url: options.url,
    entities: [...(options.entities ?? [])],
    poolSize: options.poolSize ?? 10,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    extra: {
      Client: QueryTimeoutClient,
      statement_timeout: timeoutMs,
      query_timeout: timeoutMs + ANSWER_MARGIN_MS,
      idle_in_transaction_session_timeout: 60_000,
      keepAlive: true,
    },
  });
  await dataSource.initialize();
  try {
    if (waits) await requireMigrations(dataSource, options);
    return dataSource;
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}
