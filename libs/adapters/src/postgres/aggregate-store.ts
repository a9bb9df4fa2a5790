import type { Change } from '@atlas/kernel';
import { Aggregates, currentFlow, type Flow, type Outbox, runInFlow } from '@atlas/ports/adapters';
import type { NewEvent } from '@atlas/events';
import type { EntitySchema, ObjectLiteral } from 'typeorm';
import { EntityTable } from './entity-table';
import type { PostgresUnitOfWork } from './unit-of-work';

/** How one kind of aggregate is stored, and which events its changes publish. */
export interface AggregateMapping<Aggregate, Event, Row extends ObjectLiteral> {
  /**
   * The columns. Those with `update: false` are written once; one-to-many children are inserted with a new aggregate
   * and never change. `dueAt` is when the aggregate needs attention, or null ({@link AggregateStore.updateDue}). The
   * store maintains `flow` (jsonb): what caused the last change, so that events from later background jobs name it as
   * their cause.
   */
  readonly entity: EntitySchema<Row>;
  toRow(aggregate: Aggregate): Omit<Row, 'flow'>;
  fromRow(row: Row): Aggregate;
  /** Translates a change's domain events to published ones, see `publishedAs`. Omit it to publish nothing. */
  readonly published?: (change: Change<Aggregate, Event>) => readonly NewEvent[];
  /**
   * Serializes all units of work that change these aggregates, across processes and across stores with the same turn.
   * For hot aggregates that are changed many at a time, where row locks would deadlock.
   */
  readonly turn?: string;
}

/** An aggregate as the open unit of work sees it. */
interface Entry<Aggregate> {
  current: Aggregate;
  /** Whether its row already exists. */
  isStored: boolean;
  isChanged: boolean;
  flow: Flow | null;
}

interface Unit<Aggregate> {
  /** Undefined if there is no such aggregate. */
  readonly entries: Map<string, Entry<Aggregate> | undefined>;
  announcedLoaded: boolean;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Aggregates of one kind in PostgreSQL. A unit of work, such as a batch of events, may change many of them: each is
 * locked and loaded once, and just before the commit all inserts, all updates and all events are written with one
 * statement each. Repositories are composed of stores. Each method joins the open unit of work or opens one.
 */
export class AggregateStore<
  Aggregate extends { readonly id: string },
  Event,
  Row extends ObjectLiteral,
> extends Aggregates<Aggregate, Event> {
  private readonly table: EntityTable<Row>;

  constructor(
    protected override readonly unitOfWork: PostgresUnitOfWork,
    private readonly outbox: Outbox,
    private readonly mapping: AggregateMapping<Aggregate, Event, Row>,
  ) {
    super();
    this.table = new EntityTable(unitOfWork, mapping.entity);
  }

  add(change: Change<Aggregate, Event>): Promise<void> {
    return this.unitOfWork.run(async () => {
      const { entries } = this.unit();
      const { id } = change.next;
      if (entries.get(id)) throw new Error(`${this.mapping.entity.options.name} ${id} already exists`);
      const flow = currentFlow() ?? null;
      entries.set(id, { current: change.next, isStored: false, isChanged: true, flow });
      await this.publish(change, flow);
    });
  }

  async getAll(ids: readonly string[]): Promise<Aggregate[]> {
    const entries = this.unitOfWork.isOpen ? this.unit().entries : undefined;
    // Announced aggregates will probably change, so lock them right away.
    const announced = ids.filter((id) => this.isAnnounced(id));
    if (announced.length > 0) await this.load(announced);
    const others = ids.filter((id) => !entries?.has(id) && this.canBeKey(id));
    const rows = others.length > 0 ? await this.table.byKeys(others, undefined) : [];
    const read = new Map(rows.map((row) => this.mapping.fromRow(row)).map((each) => [each.id, each]));
    return ids.flatMap((id) => (entries?.has(id) ? entries.get(id)?.current : read.get(id)) ?? []);
  }

  async lock(ids: readonly string[]): Promise<Aggregate[]> {
    await this.load(ids);
    const { entries } = this.unit();
    return ids.flatMap((id) => entries.get(id)?.current ?? []);
  }

  async save(change: Change<Aggregate, Event>): Promise<void> {
    const { entries } = this.unit();
    const { id } = change.next;
    if (!entries.has(id)) throw new Error(`${this.mapping.entity.options.name} ${id} was not locked`);
    const entry = entries.get(id);
    if (!entry) return this.add(change);
    if (change.next === entry.current) return;
    // A message or a request is its own cause; a job's cause is the change that made the aggregate due.
    const flow = currentFlow() ?? entry.flow;
    Object.assign(entry, { current: change.next, isChanged: true, flow });
    await this.publish(change, flow);
  }

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

  private async write({ entries }: Unit<Aggregate>): Promise<boolean> {
    const changed = [...entries.values()].filter(
      (entry) => entry !== undefined && entry.isChanged,
    ) as Entry<Aggregate>[];
    const rows = (stored: boolean) =>
      changed.filter(({ isStored }) => isStored === stored).map((entry) => this.toRow(entry));
    const [added, updated] = [rows(false), rows(true)];
    for (const entry of changed) Object.assign(entry, { isStored: true, isChanged: false });
    await this.table.insert(added);
    await this.table.update(updated);
    return changed.length > 0;
  }

  private toRow({ current, flow }: Entry<Aggregate>): Row {
    const row = this.mapping.toRow(current);
    return (this.table.hasFlow ? { ...row, flow } : row) as unknown as Row;
  }

  /** Announced ids are event subjects; most are UUIDs, and aggregates with other ids have none to announce. */
  private isAnnounced(id: string): boolean {
    return this.table.keyType === 'uuid' && this.unitOfWork.announced.has(id) && this.canBeKey(id);
  }

  private canBeKey(id: string): boolean {
    return this.table.keyType !== 'uuid' || UUID.test(id);
  }
}
