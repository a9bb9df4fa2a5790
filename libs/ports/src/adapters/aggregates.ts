import type { Change } from '@atlas/kernel';
import type { UnitOfWork } from './unit-of-work';

/**
 * Aggregates of one kind that are changed under a lock. A store says how they are locked and saved; how an update is made
 * of that is the same for all.
 */
export abstract class Aggregates<Aggregate extends { readonly id: string }, Event> {
  protected abstract readonly unitOfWork: UnitOfWork;

  /** Adds a new aggregate. @throws Error if its id already exists: immediately if it is loaded, otherwise at commit. */
  abstract add(change: Change<Aggregate, Event>): Promise<void>;

  /**
   * Aggregates as the open unit of work sees them, or the last committed ones if none is open.
   * @returns those that exist, in the order of `ids`.
   */
  abstract getAll(ids: readonly string[]): Promise<Aggregate[]>;

  /**
   * Locks aggregates until the open unit of work ends, for {@link save}.
   * @returns those that exist, in the order of `ids`.
   */
  abstract lock(ids: readonly string[]): Promise<Aggregate[]>;

  /** Locks at most `limit` aggregates that are due at `now`, for {@link save}. */
  abstract lockDue(now: Date, limit: number): Promise<readonly Aggregate[]>;

  /** Saves an aggregate that was locked, or inserts it if it didn't exist. @throws Error if it was not locked. */
  abstract save(change: Change<Aggregate, Event>): Promise<void>;

  /** The same for one; undefined if there is none with this id. */
  async get(id: string): Promise<Aggregate | undefined> {
    return (await this.getAll([id]))[0];
  }

  /**
   * Locks the aggregate, and saves the result of `change`.
   * @returns the updated aggregate; undefined if there is none with this id.
   */
  async update(
    id: string,
    change: (aggregate: Aggregate) => Change<Aggregate, Event>,
  ): Promise<Aggregate | undefined> {
    return (await this.updateAll([id], change))[0];
  }

  /** The same for several aggregates. @returns the updated ones that exist. */
  updateAll(
    ids: readonly string[],
    change: (aggregate: Aggregate) => Change<Aggregate, Event>,
  ): Promise<readonly Aggregate[]> {
    return this.unitOfWork.run(async () => this.change(await this.lock(ids), change));
  }

  /**
   * The same for at most `limit` aggregates that are due at `now`, the longest overdue first. Skips locked ones.
   * @returns the updated aggregates.
   */
  updateDue(
    now: Date,
    limit: number,
    change: (aggregate: Aggregate) => Change<Aggregate, Event>,
  ): Promise<readonly Aggregate[]> {
    return this.unitOfWork.run(async () => this.change(await this.lockDue(now, limit), change));
  }

  private async change(
    locked: readonly Aggregate[],
    change: (aggregate: Aggregate) => Change<Aggregate, Event>,
  ): Promise<readonly Aggregate[]> {
    const updated: Aggregate[] = [];
    for (const aggregate of locked) {
      const changed = change(aggregate);
      await this.save(changed);
      updated.push(changed.next);
    }
    return updated;
  }
}
