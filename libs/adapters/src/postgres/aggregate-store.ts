import type { Change } from '@atlas/kernel';
import { currentFlow, type Flow, type Outbox, runInFlow } from '@atlas/ports/adapters';
import type { NewEvent } from '@atlas/events';
import type { EntitySchema, ObjectLiteral } from 'typeorm';
import { EntityTable } from './entity-table';
import type { PostgresUnitOfWork } from './unit-of-work';

/** How one kind of aggregate is kept: as a row, and by the events that others may know. */
export interface AggregateMapping<Aggregate, Event, Row extends ObjectLiteral> {
  /**
   * The columns. Those with `update: false` are written once; one-to-many children are written with a new aggregate and
   * never change. A property `dueAt` is when the aggregate needs attention, null if it doesn't ({@link
   * AggregateStore.updateDue}). A property `flow` (jsonb) is kept by the store: what caused the last change, so that
   * work that is done later, by a job, is told as its consequence.
   */
  readonly entity: EntitySchema<Row>;
  toRow(aggregate: Aggregate): Omit<Row, 'flow'>;
  fromRow(row: Row): Aggregate;
  /** The events of a change in the published language, see `publishedAs`. Absent: nobody else needs to know. */
  readonly published?: (change: Change<Aggregate, Event>) => readonly NewEvent[];
  /**
   * Units of work that change these aggregates take turns, in all processes; stores with the same turn share it. For
   * aggregates that are so hot, and changed so many at a time, that row locks would only deadlock.
   */
  readonly turn?: string;
}

/** An aggregate as the open unit of work sees it. */
interface Entry<Aggregate> {
  current: Aggregate;
  /** Whether it has a row already. */
  readonly isStored: boolean;
  isChanged: boolean;
  flow: Flow | null;
}

interface Unit<Aggregate> {
  /** Undefined: there is no such aggregate. */
  readonly entries: Map<string, Entry<Aggregate> | undefined>;
  announcedLoaded: boolean;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Aggregates of one kind in PostgreSQL. A unit of work may change many, as a batch of events does: each is locked and
 * loaded once, and what is new or changed is written just before the commit in one statement for all, as are the events
 * of the changes. Repositories are composed of stores; each method takes part in the open unit of work or opens one.
 */
export class AggregateStore<Aggregate extends { readonly id: string }, Event, Row extends ObjectLiteral> {
  private readonly table: EntityTable<Row>;

  constructor(
    private readonly unitOfWork: PostgresUnitOfWork,
    private readonly outbox: Outbox,
    private readonly mapping: AggregateMapping<Aggregate, Event, Row>,
  ) {
    this.table = new EntityTable(unitOfWork, mapping.entity);
  }

  /** Adds a new aggregate. @throws Error if there is one with its id: here if it is known, or else at the commit. */
  add(change: Change<Aggregate, Event>): Promise<void> {
    return this.unitOfWork.run(async () => {
      const { entries } = this.unit();
      const { id } = change.next;
      if (entries.get(id)) throw new Error(`${this.mapping.entity.options.name} ${id} is there already`);
      const flow = currentFlow() ?? null;
      entries.set(id, { current: change.next, isStored: false, isChanged: true, flow });
      await this.publish(change, flow);
    });
  }

  /** As the open unit of work has it by now; without one, as it was committed last. */
  async get(id: string): Promise<Aggregate | undefined> {
    const unit = this.unitOfWork.isOpen ? this.unit() : undefined;
    // What was announced is going to be changed, so it may as well be locked.
    if (unit && this.isAnnounced(id)) await this.load([id]);
    if (unit?.entries.has(id)) return unit.entries.get(id)?.current;
    if (!this.canBeKey(id)) return undefined;
    const [row] = await this.table.byKeys([id], undefined);
    return row && this.mapping.fromRow(row);
  }

  /**
   * Locks and loads aggregates until the open unit of work ends, for {@link save}.
   * @returns those there are, in the order of `ids`.
   */
  async lock(ids: readonly string[]): Promise<Aggregate[]> {
    await this.load(ids);
    const { entries } = this.unit();
    return ids.flatMap((id) => entries.get(id)?.current ?? []);
  }

  /** Takes over what became of an aggregate that {@link lock} was asked for; one that was missing is new then. */
  async save(change: Change<Aggregate, Event>): Promise<void> {
    const { entries } = this.unit();
    const { id } = change.next;
    if (!entries.has(id)) throw new Error(`${this.mapping.entity.options.name} ${id} was not locked`);
    const entry = entries.get(id);
    if (!entry) return this.add(change);
    if (change.next === entry.current) return;
    // A message or a request acts for itself; a job acts for what made the aggregate due.
    const flow = currentFlow() ?? entry.flow;
    Object.assign(entry, { current: change.next, isChanged: true, flow });
    await this.publish(change, flow);
  }

  /**
   * Locks and loads the aggregate, and saves what `change` makes of it.
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

  /** Locks and loads at most `limit` of the aggregates that were due at `now`, for {@link save}. */
  async lockDue(now: Date, limit: number): Promise<readonly Aggregate[]> {
    await this.takeTurn();
    const rows = await this.table.due(now, limit, { skipLocked: true });
    return rows.map((row) => this.enter(row));
  }

  private unit(): Unit<Aggregate> {
    return this.unitOfWork.local(this, () => {
      const unit: Unit<Aggregate> = { entries: new Map(), announcedLoaded: false };
      this.unitOfWork.beforeCommit(() => this.write(unit));
      return unit;
    });
  }

  private async load(ids: readonly string[]): Promise<void> {
    const unit = this.unit();
    const missing = new Set(ids.filter((id) => !unit.entries.has(id)));
    if (missing.size === 0) return;
    if (!unit.announcedLoaded) {
      unit.announcedLoaded = true;
      for (const id of this.unitOfWork.announced) {
        if (this.isAnnounced(id) && !unit.entries.has(id)) missing.add(id);
      }
    }
    await this.takeTurn();
    const keys = [...missing].filter((id) => this.canBeKey(id));
    const rows = keys.length > 0 ? await this.table.byKeys(keys, { skipLocked: false }) : [];
    for (const id of missing) unit.entries.set(id, undefined);
    for (const row of rows) this.enter(row);
  }

  private enter(row: Row): Aggregate {
    const { entries } = this.unit();
    const aggregate = this.mapping.fromRow(row);
    const known = entries.get(aggregate.id);
    if (known) return known.current;
    const flow = ((row as { flow?: Flow | null }).flow ?? null) satisfies Flow | null;
    entries.set(aggregate.id, { current: aggregate, isStored: true, isChanged: false, flow });
    return aggregate;
  }

  private async takeTurn(): Promise<void> {
    if (this.mapping.turn !== undefined) await this.unitOfWork.takeTurn(this.mapping.turn);
  }

  private async publish(change: Change<Aggregate, Event>, flow: Flow | null): Promise<void> {
    const events = this.mapping.published?.(change) ?? [];
    if (events.length === 0) return;
    await (flow ? runInFlow(flow, () => this.outbox.add(events)) : this.outbox.add(events));
  }

  private async write({ entries }: Unit<Aggregate>): Promise<void> {
    const changed = [...entries.values()].filter(
      (entry) => entry !== undefined && entry.isChanged,
    ) as Entry<Aggregate>[];
    const rows = (stored: boolean) =>
      changed.filter(({ isStored }) => isStored === stored).map((entry) => this.toRow(entry));
    await this.table.insert(rows(false));
    await this.table.update(rows(true));
  }

  private toRow({ current, flow }: Entry<Aggregate>): Row {
    const row = this.mapping.toRow(current);
    return (this.table.hasFlow ? { ...row, flow } : row) as unknown as Row;
  }

  /** Announced are the subjects of events, which are UUIDs: aggregates with other ids are never meant. */
  private isAnnounced(id: string): boolean {
    return this.table.keyType === 'uuid' && this.unitOfWork.announced.has(id) && this.canBeKey(id);
  }

  private canBeKey(id: string): boolean {
    return this.table.keyType !== 'uuid' || UUID.test(id);
  }
}
