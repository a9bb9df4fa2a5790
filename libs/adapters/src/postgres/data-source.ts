import { ExponentialBackoff, handleAll, retry } from 'cockatiel';
import { DataSource, type EntitySchema, type MigrationInterface } from 'typeorm';
import { QueryTimeoutClient } from './query-timeout-client';
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

/** Connects, retrying with backoff while the database is unavailable, and runs pending migrations. */
export async function connectDatabase(options: DatabaseOptions): Promise<DataSource> {
  const waiting = retry(handleAll, {
    maxAttempts: Infinity,
    backoff: new ExponentialBackoff({ initialDelay: 100, maxDelay: 5_000 }),
  });
  waiting.onFailure(({ reason }) => {
    if ('error' in reason) options.onRetry?.(reason.error);
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
    poolSize: 2,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    extra: { keepAlive: true },
  });
  await dataSource.initialize();
  const lock = dataSource.createQueryRunner();
  try {
    await lock.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [MIGRATION_LOCK]);
    await dataSource.runMigrations();
    await lock.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [MIGRATION_LOCK]);
  } finally {
    await lock.release();
    await dataSource.destroy();
  }
}
