import type { NewEvent } from '@atlas/events';
import type { Change } from '@atlas/kernel';
import { Aggregates, currentFlow, type Flow, type Outbox, runInFlow } from '@atlas/ports/adapters';
import type { MemoryTable } from './database';
import type { MemoryUnitOfWork } from './unit-of-work';

export interface MemoryMapping<Aggregate, Event> {
  /** The table's name, also in errors. */
  readonly name: string;
  /** When the aggregate is due, for {@link MemoryAggregateStore.updateDue}. */
  readonly dueAt?: (aggregate: Aggregate) => Date | undefined;
  /** Translates a change's domain events to published ones. Omit it to publish nothing. */
  readonly published?: (change: Change<Aggregate, Event>) => readonly NewEvent[];
  /** Serializes all units of work that change these aggregates; stores with the same turn share it. */
  readonly turn?: string;
}

interface Row<Aggregate> {
  readonly aggregate: Aggregate;
  /** What caused the last change; the cause of later changes by jobs, which have no flow of their own. */
  readonly flow: Flow | undefined;
}

/** The in-memory counterpart of PostgreSQL's `AggregateStore`, for repositories in use-case tests. */
export class MemoryAggregateStore<Aggregate extends { readonly id: string }, Event> extends Aggregates<
  Aggregate,
  Event
> {
  private readonly table: MemoryTable<Row<Aggregate>>;

  constructor(
    protected override readonly unitOfWork: MemoryUnitOfWork,
    private readonly outbox: Outbox,
    private readonly mapping: MemoryMapping<Aggregate, Event>,
  ) {
    super();
    this.table = unitOfWork.database.table(mapping.name);
  }

  add(change: Change<Aggregate, Event>): Promise<void> {
    return this.unitOfWork.run(async () => {
      const { id } = change.next;
      if (await this.lockRow(id)) throw new Error(`${this.mapping.name} ${id} already exists`);
      await this.write(change, currentFlow());
    });
  }

  getAll(ids: readonly string[]): Promise<Aggregate[]> {
    return this.unitOfWork.run(async () =>
      ids.flatMap((id) => this.unitOfWork.current.get(this.table, id)?.aggregate ?? []),
    );
  }

  list(): Promise<readonly Aggregate[]> {
    return this.unitOfWork.run(async () =>
      this.unitOfWork.current.rows(this.table).map(({ aggregate }) => aggregate),
    );
  }

  async lock(ids: readonly string[]): Promise<Aggregate[]> {
    await this.takeTurn();
    // In the order of ids, so that two units of work with the same aggregates can't deadlock.
    for (const id of [...ids].sort()) await this.lockRow(id);
    return ids.flatMap((id) => this.unitOfWork.current.get(this.table, id)?.aggregate ?? []);
  }

  async save(change: Change<Aggregate, Event>): Promise<void> {
    const { current, database } = this.unitOfWork;
    const { id } = change.next;
    if (!database.locks.isHeld(this.lockName(id), current)) {
      throw new Error(`${this.mapping.name} ${id} was not locked`);
    }
    const row = current.get(this.table, id);
    if (change.next !== row?.aggregate) await this.write(change, currentFlow() ?? row?.flow);
  }

  async lockDue(now: Date, limit: number): Promise<readonly Aggregate[]> {
    await this.takeTurn();
    const { current, database } = this.unitOfWork;
    const due = current
      .rows(this.table)
      .flatMap(({ aggregate }) => {
        const dueAt = this.mapping.dueAt?.(aggregate);
        return dueAt && dueAt <= now ? [{ aggregate, dueAt }] : [];
      })
      .sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime());
    const locked: Aggregate[] = [];
    for (const { aggregate } of due) {
      if (locked.length === limit) break;
      if (database.locks.tryAcquire(this.lockName(aggregate.id), current)) locked.push(aggregate);
    }
    return locked;
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
