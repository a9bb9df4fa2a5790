import { isInfrastructureError } from '@atlas/resilience';
import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import { DataSource, type EntitySchema, type MigrationInterface } from 'typeorm';
import { QueryTimeoutClient } from './query-timeout-client';
import { DatabaseSetupError, nameOf, rejection } from './setup-error';
import { Backbone1795737600000 } from './migrations/1-backbone';

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  readonly entities?: readonly EntitySchema[];
  /** The context's own migrations; they run after those of the backbone. */
  readonly migrations?: readonly (new () => MigrationInterface)[];
  /** Maximum number of connections. */
  readonly poolSize?: number;
  /** Statement timeout, milliseconds; doesn't apply to migrations. Default 10,000. */
  readonly statementTimeoutMs?: number;
  /** Called with the error of every failed connection attempt. */
  readonly onRetry?: (error: unknown) => void;
}

/** Advisory locks are named and hashed, because numbers chosen by different adapters would collide. */
const MIGRATION_LOCK = 'migrations';

const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 10_000;
/** How much longer than the server-side timeout to wait before treating the server as unreachable, milliseconds. */
const ANSWER_MARGIN_MS = 1_000;

/**
 * Connects and runs pending migrations; retries with backoff while the database is unavailable or starting.
 * @throws DatabaseSetupError if the server rejects the user, has no such database, or a migration fails.
 */
export async function connectDatabase(options: DatabaseOptions): Promise<DataSource> {
  const waiting = retry(handleWhen(isInfrastructureError), {
    maxAttempts: Infinity,
    backoff: new ExponentialBackoff({ initialDelay: 100, maxDelay: 5_000 }),
  });
  waiting.onFailure(({ reason, handled }) => {
    if (handled && 'error' in reason) options.onRetry?.(reason.error);
  });
  return waiting.execute(() => connectOnce(options));
}

async function connectOnce(options: DatabaseOptions): Promise<DataSource> {
  await migrate(options);
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
  return dataSource.initialize();
}

/** Replicas may start together: one migrates while the others wait. */
async function migrate({ url, migrations = [] }: DatabaseOptions): Promise<void> {
  const dataSource = new DataSource({
    type: 'postgres',
    url,
    migrations: [Backbone1795737600000, ...migrations],
    migrationsTransactionMode: 'each',
    // Not on the console, which would break the lines of the log: what fails is thrown, too.
    logger: 'debug',
    poolSize: 2,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    extra: { keepAlive: true },
  });
  await dataSource.initialize().catch((error: Error) => {
    throw rejection(error, url) ?? error;
  });
  const lock = dataSource.createQueryRunner();
  try {
    await lock.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [MIGRATION_LOCK]);
    await dataSource.runMigrations().catch((error: Error) => {
      throw isInfrastructureError(error) ? error : migrationFailed(error, url);
    });
    await lock.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [MIGRATION_LOCK]);
  } finally {
    await lock.release();
    await dataSource.destroy();
  }
}

const migrationFailed = (error: Error, url: string) =>
  new DatabaseSetupError(
    `A migration of the database ${nameOf(url)} failed and was rolled back: ${error.message}. Correct the migration ` +
      'or the data, then start again.',
    { cause: error },
  );
