import { ExponentialBackoff, handleAll, retry } from 'cockatiel';
import { DataSource, type EntitySchema, type MigrationInterface } from 'typeorm';
import { QueryTimeoutClient } from './query-timeout-client';
import { Backbone1795737600000 } from './migrations/1-backbone';

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  readonly entities?: readonly EntitySchema[];
  /** The context's own migrations; those of the backbone's tables come first. */
  readonly migrations?: readonly (new () => MigrationInterface)[];
  /** Most connections at a time. */
  readonly poolSize?: number;
  /** What a statement may take, milliseconds; migrations may take longer. Default 10,000. */
  readonly statementTimeoutMs?: number;
  /** Told of every failed attempt to reach the database. */
  readonly onRetry?: (error: unknown) => void;
}

/** Advisory locks have names here, which are hashed: numbers that two adapters chose would meet one day. */
const MIGRATION_LOCK = 'migrations';

const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 10_000;
/** By how much longer than the server's own limit its answer is waited for: then it can't be reached. */
const ANSWER_MARGIN_MS = 1_000;

/** Connects, waiting with backoff while the database is away, and brings its schema up to date. */
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

/** Replicas start together: one migrates, the others wait for it. */
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
