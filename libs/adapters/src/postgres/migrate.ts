import { isInfrastructureError } from '@atlas/resilience';
import { DataSource, type MigrationInterface } from 'typeorm';
import { Backbone1795737600000 } from './migrations/1-backbone';
import { DatabaseSetupError, nameOf, rejection } from './setup-error';
import { CONNECT_TIMEOUT_MS, patiently } from './waiting';

export type Migrations = readonly (new () => MigrationInterface)[];

export interface MigrateOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  /** The context's own migrations; they run after those of the backbone. */
  readonly migrations?: Migrations;
  /** Called with the error of every failed attempt. */
  readonly onRetry?: (error: unknown) => void;
}

/** Advisory locks are named and hashed, because numbers chosen by different adapters would collide. */
const MIGRATION_LOCK = 'migrations';

/** The schema is older than the code. A job that migrates it will come, or has failed. */
export class PendingMigrationsError extends Error {
  override readonly name = 'PendingMigrationsError';
}

/**
 * Runs pending migrations; retries with backoff while the database is unavailable or starting. Those that this code doesn't
 * know, because a newer version has run them, stay as they are.
 * @throws DatabaseSetupError if the server rejects the user, has no such database, or a migration fails.
 */
export const migrateDatabase = (options: MigrateOptions): Promise<void> =>
  patiently(isInfrastructureError, () => migrateOnce(options), options.onRetry);

/** Replicas may start together: one migrates while the others wait. */
export async function migrateOnce({ url, migrations = [] }: MigrateOptions): Promise<void> {
  const dataSource = new DataSource({
    type: 'postgres',
    url,
    migrations: [...withBackbone(migrations)],
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

/** @throws PendingMigrationsError if the database lacks one of them. */
export async function requireMigrations(
  dataSource: DataSource,
  { url, migrations = [] }: Pick<MigrateOptions, 'url' | 'migrations'>,
): Promise<void> {
  const [table] = await dataSource.query<{ found: string | null }[]>(
    `SELECT to_regclass('migrations') AS found`,
  );
  const rows = table?.found ? await dataSource.query<{ name: string }[]>('SELECT name FROM migrations') : [];
  const run = new Set(rows.map(({ name }) => name));
  const pending = withBackbone(migrations).filter(({ name }) => !run.has(name));
  if (pending.length === 0) return;
  throw new PendingMigrationsError(
    `The schema of ${nameOf(url)} is older than this code, and waits for a job to run ${pending.map(({ name }) => name).join(', ')}`,
  );
}

const withBackbone = (migrations: Migrations): Migrations => [Backbone1795737600000, ...migrations];

const migrationFailed = (error: Error, url: string) =>
  new DatabaseSetupError(
    `A migration of the database ${nameOf(url)} failed and was rolled back: ${error.message}. Correct the migration ` +
      'or the data, then start again.',
    { cause: error },
  );
