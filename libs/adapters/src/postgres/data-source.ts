import { ExponentialBackoff, handleAll, retry } from 'cockatiel';
import { DataSource, type EntitySchema, type MigrationInterface } from 'typeorm';
import { Backbone1767225600000 } from './migrations/1-backbone';

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  readonly entities?: readonly EntitySchema[];
  /** The context's own migrations; those of the backbone's tables come first. */
  readonly migrations?: readonly (new () => MigrationInterface)[];
  /** Most connections at a time. */
  readonly poolSize?: number;
  /** Told of every failed attempt to reach the database. */
  readonly onRetry?: (error: unknown) => void;
}

/** Advisory locks have names here, which are hashed: numbers that two adapters chose would meet one day. */
const MIGRATION_LOCK = 'migrations';

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
  const dataSource = new DataSource({
    type: 'postgres',
    url: options.url,
    entities: [...(options.entities ?? [])],
    migrations: [Backbone1767225600000, ...(options.migrations ?? [])],
    migrationsTransactionMode: 'each',
    poolSize: options.poolSize ?? 10,
    connectTimeoutMS: 5_000,
    extra: { idle_in_transaction_session_timeout: 60_000, keepAlive: true },
  });
  await dataSource.initialize();
  try {
    await migrate(dataSource);
    return dataSource;
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}

/** Replicas start together: one migrates, the others wait for it. */
async function migrate(dataSource: DataSource): Promise<void> {
  const lock = dataSource.createQueryRunner();
  try {
    await lock.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [MIGRATION_LOCK]);
    await dataSource.runMigrations();
    await lock.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [MIGRATION_LOCK]);
  } finally {
    await lock.release();
  }
}
