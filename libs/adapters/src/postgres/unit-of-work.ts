import { AsyncLocalStorage } from 'node:async_hooks';
import { UnitOfWork } from '@atlas/ports/adapters';
import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import { type DataSource, type EntityManager, QueryFailedError } from 'typeorm';

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

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.open.getStore()) return work();
    return this.retrying.execute(() => this.transaction(work));
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

  private async transaction<T>(work: () => Promise<T>): Promise<T> {
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
      return this.open.run(unit, async () => {
        const value = await work();
        while (await writeOnce(unit));
        return value;
      });
    });
    for (const callback of afterCommit) callback();
    return result;
  }
}

/** @returns whether anything was written. */
async function writeOnce({ writers }: OpenUnit): Promise<boolean> {
  let hasWritten = false;
  for (const write of writers) hasWritten = (await write()) || hasWritten;
  return hasWritten;
}
