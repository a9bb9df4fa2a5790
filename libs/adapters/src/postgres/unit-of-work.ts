import { AsyncLocalStorage } from 'node:async_hooks';
import { UnitOfWork } from '@atlas/ports/adapters';
import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import { Client } from 'pg';
import { type DataSource, type EntityManager, QueryFailedError } from 'typeorm';
import type { QueryTimeoutClient } from './query-timeout-client';

interface OpenUnit {
  readonly manager: EntityManager;
  readonly locals: Map<object, unknown>;
  readonly announced: Set<string>;
  readonly turns: Map<string, Promise<unknown>>;
  readonly writers: (() => Promise<boolean>)[];
  readonly afterCommit: (() => void)[];
}

/** serialization_failure and deadlock_detected: PostgreSQL asks the client to retry the transaction. */
const RETRYABLE = new Set(['40001', '40P01']);

const isRetryable = (error: unknown): boolean =>
  error instanceof QueryFailedError && RETRYABLE.has((error.driverError as { code?: string }).code ?? '');

/** How soon a database that is there responds to a new connection, milliseconds. */
const PROBE_MS = 2_000;

const NONE: ReadonlySet<string> = new Set();

/** Runs READ COMMITTED transactions: lock a row before changing it if others may change it too. */
export class PostgresUnitOfWork extends UnitOfWork {
  private readonly open = new AsyncLocalStorage<OpenUnit>();
  private readonly retrying = retry(handleWhen(isRetryable), {
    maxAttempts: 8,
    backoff: new ExponentialBackoff({ initialDelay: 5, maxDelay: 500 }),
  });

  constructor(private readonly dataSource: DataSource) {
    super();
  }

  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.open.getStore()) return work();
    return this.retrying.execute(() => this.transaction(work, signal));
  }

  async responds(): Promise<boolean> {
    const { url } = this.dataSource.options as { readonly url?: string };
    const client = new Client({
      connectionString: url,
      connectionTimeoutMillis: PROBE_MS,
      query_timeout: PROBE_MS,
    });
    // Also reported by the query.
    client.on('error', () => undefined);
    const begun = performance.now();
    try {
      await client.connect();
      await client.query('SELECT 1');
      return performance.now() - begun < PROBE_MS;
    } catch {
      return false;
    } finally {
      void client.end().catch(() => undefined);
    }
  }

  /** The open unit's entity manager; without one, a manager that commits each statement separately. */
  get manager(): EntityManager {
    return this.open.getStore()?.manager ?? this.dataSource.manager;
  }

  get isOpen(): boolean {
    return this.open.getStore() !== undefined;
  }

  announce(ids: readonly string[]): void {
    const { announced } = this.openUnit();
    for (const id of ids) announced.add(id);
  }

  /** The ids passed to {@link announce}; empty without an open unit. */
  get announced(): ReadonlySet<string> {
    return this.open.getStore()?.announced ?? NONE;
  }

  /** Acquires the named turn, a lock across processes that the open unit holds until it ends. */
  async takeTurn(name: string): Promise<void> {
    const { turns, manager } = this.openUnit();
    // Named, because two adapters that chose the same number would block each other.
    const turn =
      turns.get(name) ?? manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [name]);
    turns.set(name, turn);
    await turn;
  }

  /** State that `owner` keeps for the open unit of work; `begin` creates it on first use. */
  local<T>(owner: object, begin: () => T): T {
    const { locals } = this.openUnit();
    if (!locals.has(owner)) locals.set(owner, begin());
    return locals.get(owner) as T;
  }

  /**
   * Calls `write` before the open transaction commits, and again until no writer has anything left: what one writes may
   * make another one collect more.
   * @param write writes what has been collected since its last call; false if that was nothing.
   */
  beforeCommit(write: () => Promise<boolean>): void {
    this.openUnit().writers.push(write);
  }

  afterCommit(callback: () => void): void {
    const unit = this.open.getStore();
    if (unit) unit.afterCommit.push(callback);
    else callback();
  }

  private openUnit(): OpenUnit {
    const unit = this.open.getStore();
    if (!unit) throw new Error('This requires an open unit of work');
    return unit;
  }

  private async transaction<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const afterCommit: (() => void)[] = [];
    const result = await this.dataSource.transaction((manager) => {
      const unit: OpenUnit = {
        manager,
        locals: new Map(),
        announced: new Set(),
        turns: new Map(),
        writers: [],
        afterCommit,
      };
      return unlessAborted(signal, manager, () =>
        this.open.run(unit, async () => {
          const value = await work();
          while (await writeOnce(unit));
          return value;
        }),
      );
    });
    for (const callback of afterCommit) callback();
    return result;
  }
}

/**
 * When the signal aborts, closes the transaction's connection, so that the server rolls back: a rollback through it could
 * wait for a statement in progress, and statements that the work sends later would be committed one by one.
 */
async function unlessAborted<T>(
  signal: AbortSignal | undefined,
  { queryRunner }: EntityManager,
  work: () => Promise<T>,
): Promise<T> {
  if (!signal) return work();
  const client = (await queryRunner?.connect()) as QueryTimeoutClient;
  const aborted = Promise.withResolvers<never>();
  const abort = () => {
    const reason = signal.reason as Error;
    client.cut(reason);
    aborted.reject(reason);
  };
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([work(), aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** @returns whether anything was written. */
async function writeOnce({ writers }: OpenUnit): Promise<boolean> {
  let hasWritten = false;
  for (const write of writers) hasWritten = (await write()) || hasWritten;
  return hasWritten;
}
