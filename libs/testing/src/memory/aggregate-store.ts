import type { NewEvent } from '@atlas/events';
import type { Change } from '@atlas/kernel';
import { currentFlow, type Flow, type Outbox, runInFlow } from '@atlas/ports/adapters';
import type { MemoryTable } from './database';
import type { MemoryUnitOfWork } from './unit-of-work';

export interface MemoryMapping<Aggregate, Event> {
  /** The table's name, also in errors. */
  readonly name: string;
  /** When the aggregate needs attention, for {@link MemoryAggregateStore.updateDue}. */
  readonly dueAt?: (aggregate: Aggregate) => Date | undefined;
  /** The events of a change in the published language. Absent: nobody else needs to know. */
  readonly published?: (change: Change<Aggregate, Event>) => readonly NewEvent[];
  /** Units of work that change these aggregates take turns; stores with the same turn share it. */
  readonly turn?: string;
}

interface Row<Aggregate> {
  readonly aggregate: Aggregate;
  /** What caused the last change: a job, which has no flow of its own, acts for it. */
  readonly flow: Flow | undefined;
}

/** Does in memory what `AggregateStore` does in PostgreSQL, for repositories of use-case tests. */
export class MemoryAggregateStore<Aggregate extends { readonly id: string }, Event> {
  private readonly table: MemoryTable<Row<Aggregate>>;

  constructor(
    private readonly unitOfWork: MemoryUnitOfWork,
    private readonly outbox: Outbox,
    private readonly mapping: MemoryMapping<Aggregate, Event>,
  ) {
    this.table = unitOfWork.database.table(mapping.name);
  }

  /** Adds a new aggregate. @throws Error if there is one with its id. */
  add(change: Change<Aggregate, Event>): Promise<void> {
    return this.unitOfWork.run(async () => {
      const { id } = change.next;
      if (await this.lockRow(id)) throw new Error(`${this.mapping.name} ${id} already exists`);
      await this.write(change, currentFlow());
    });
  }

  /** As the open unit of work has it by now; without one, as it was committed last. */
  get(id: string): Promise<Aggregate | undefined> {
    return this.unitOfWork.run(async () => this.unitOfWork.current.get(this.table, id)?.aggregate);
  }

  list(): Promise<readonly Aggregate[]> {
    return this.unitOfWork.run(async () =>
      this.unitOfWork.current.rows(this.table).map(({ aggregate }) => aggregate),
    );
  }

  /**
   * Locks aggregates until the open unit of work ends, for {@link save}.
   * @returns those there are, in the order of `ids`.
   */
  async lock(ids: readonly string[]): Promise<Aggregate[]> {
    await this.takeTurn();
    // In one order, whoever asks: nobody looks for deadlocks here.
    for (const id of [...ids].sort()) await this.lockRow(id);
    return ids.flatMap((id) => this.unitOfWork.current.get(this.table, id)?.aggregate ?? []);
  }

  /** Takes over what became of an aggregate that {@link lock} was asked for; one that was missing is new then. */
  async save(change: Change<Aggregate, Event>): Promise<void> {
    const row = this.unitOfWork.current.get(this.table, change.next.id);
    if (change.next !== row?.aggregate) await this.write(change, currentFlow() ?? row?.flow);
  }

  /**
   * Locks the aggregate, and saves what `change` makes of it.
   * @returns the aggregate afterwards; undefined if there is none with this id.
   */
  async update(
    id: string,
    change: (aggregate: Aggregate) => Change<Aggregate, Event>,
  ): Promise<Aggregate | undefined> {
    return (await this.updateAll([id], change))[0];
  }

  /** Does the same with several. @returns those there are, afterwards. */
  updateAll(
    ids: readonly string[],
    change: (aggregate: Aggregate) => Change<Aggregate, Event>,
  ): Promise<readonly Aggregate[]> {
    return this.unitOfWork.run(async () => {
      const updated: Aggregate[] = [];
      for (const aggregate of await this.lock(ids)) {
        const changed = change(aggregate);
        await this.save(changed);
        updated.push(changed.next);
      }
      return updated;
    });
  }

  /**
   * Does the same with at most `limit` of the aggregates that were due at `now`, the longest due first. Those that are
   * being changed by others are left out.
   * @returns them, afterwards.
   */
  updateDue(
    now: Date,
    limit: number,
    change: (aggregate: Aggregate) => Change<Aggregate, Event>,
  ): Promise<readonly Aggregate[]> {
    return this.unitOfWork.run(async () => {
      const due = await this.lockDue(now, limit);
      return this.updateAll(
        due.map(({ id }) => id),
        change,
      );
    });
  }

  /** Locks at most `limit` of the aggregates that were due at `now`, for {@link save}. */
  async lockDue(now: Date, limit: number): Promise<readonly Aggregate[]> {
    await this.takeTurn();
    const { current, database } = this.unitOfWork;
    return current
      .rows(this.table)
      .flatMap(({ aggregate }) => {
        const dueAt = this.mapping.dueAt?.(aggregate);
        return dueAt && dueAt <= now ? [{ aggregate, dueAt }] : [];
      })
      .sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime())
      .filter(({ aggregate }) => database.locks.tryAcquire(this.lockName(aggregate.id), current))
      .slice(0, limit)
      .map(({ aggregate }) => aggregate);
  }

  private async lockRow(id: string): Promise<Row<Aggregate> | undefined> {
    const { current, database } = this.unitOfWork;
    await database.locks.acquire(this.lockName(id), current);
    return current.get(this.table, id);
  }

  private async write(change: Change<Aggregate, Event>, flow: Flow | undefined): Promise<void> {
    this.unitOfWork.current.set(this.table, change.next.id, { aggregate: change.next, flow });
    const events = this.mapping.published?.(change) ?? [];
    if (events.length === 0) return;
    await (flow ? runInFlow(flow, () => this.outbox.add(events)) : this.outbox.add(events));
  }

  private async takeTurn(): Promise<void> {
    const { current, database } = this.unitOfWork;
    if (this.mapping.turn !== undefined) await database.locks.acquire(`turn ${this.mapping.turn}`, current);
  }

  private lockName(id: string): string {
    return `${this.mapping.name} ${id}`;
  }
}
