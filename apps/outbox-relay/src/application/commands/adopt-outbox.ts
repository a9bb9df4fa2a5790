import type { Clock } from '@atlas/ports/application';
import type { RelayProgress } from '../../domain/relay-progress';
import {
  type AdoptingLog,
  type FoundRow,
  type OutboxBacklog,
  OutboxReplacedError,
  type OutboxSource,
} from '../ports';

export interface AdoptionSettings {
  /** Whose outbox it is; also the publisher's name on the log. */
  readonly service: string;
  /** What it publishes to. */
  readonly topics: readonly string[];
  /** How long published rows are kept, milliseconds: older events may be missing from the outbox. */
  readonly retentionMs: number;
  /** How long to wait for the ownership of the outbox, milliseconds. Default 15,000. */
  readonly patienceMs?: number;
}

/** An event that is on the log and no longer in the database. */
export interface LostEvent {
  readonly id: string;
  readonly type: string | null;
  readonly key: string | null;
  /** When the log received it. */
  readonly at: Date;
}

export type Adoption =
  /** A relay publishes, or this database has everything that was published. */
  | { readonly state: 'refused'; readonly reason: string }
  | {
      readonly state: 'adopted';
      readonly cursor: string;
      /** What is published now; consumers pass over what they have handled. */
      readonly backlog: OutboxBacklog;
      /** The number of events that the database has lost, and the newest of them. */
      readonly lost: { readonly count: number; readonly newest: readonly LostEvent[] };
      /** Rows that came from another server and got transaction numbers of this one. */
      readonly renumbered: number;
    };

const PATIENCE_MS = 15_000;
/** The clocks of the relay and the database differ by less. */
const CLOCK_SKEW_MS = 15 * 60_000;
/** Records of each partition in the first step back; each further step is four times as long. */
const FIRST_STEP = 1_000;
/** How many events are looked up at once. */
const LOOKUP = 10_000;
const NAMED = 20;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Continues the publication from a database that has replaced another: one restored to an earlier time, a replica that
 * lagged, or a copy on another server. An operator calls it once it is certain that this is the database to continue with.
 * The end of the log shows how far the database goes; from there on every row is published, some of them once more under
 * the same event ids.
 */
export class AdoptOutbox {
  /**
   * @param outbox not the one that the running relay uses: they take turns as two relays do.
   * @param progress of the relay in this process.
   */
  constructor(
    private readonly outbox: OutboxSource,
    private readonly log: AdoptingLog,
    private readonly progress: Pick<RelayProgress, 'role'>,
    private readonly clock: Clock,
    private readonly settings: AdoptionSettings,
  ) {}

  async execute(): Promise<Adoption> {
    const { service, patienceMs = PATIENCE_MS } = this.settings;
    const publishes = {
      state: 'refused',
      reason: `The relay of "${service}" publishes: there is nothing to adopt`,
    } as const;
    if (this.progress.role === 'owner') return publishes;
    const patience = AbortSignal.timeout(patienceMs);
    try {
      await this.outbox.acquire(patience);
    } catch (error) {
      if (!patience.aborted) throw error;
      return publishes;
    }
    try {
      // Fences whoever still publishes from the former database.
      const session = await this.log.openPublisher(service);
      try {
        if (!(await this.isReplaced(session.cursor))) {
          return {
            state: 'refused',
            reason: `The database of "${service}" has everything that was published: there is nothing to adopt`,
          };
        }
        const { newest, lost } = await this.compare();
        const cursor = await this.outbox.adopt(session.cursor, newest);
        await session.publish([], cursor);
        const renumbered = await this.outbox.renumber();
        return { state: 'adopted', cursor, backlog: await this.outbox.backlog(cursor), lost, renumbered };
      } finally {
        await session.close().catch(() => undefined);
      }
    } finally {
      await this.outbox.release();
    }
  }

  private async isReplaced(cursor: string | undefined): Promise<boolean> {
    try {
      await this.outbox.verify(cursor);
      return false;
    } catch (error) {
      if (error instanceof OutboxReplacedError) return true;
      throw error;
    }
  }

  /**
   * Goes back on the log until it is older than the newest event that the database still has. What the database has lost
   * was published later, as it was committed later.
   */
  private async compare() {
    const found: { newest: FoundRow | undefined } = { newest: undefined };
    const lost: LostEvent[] = [];
    let count = 0;
    const kept = this.clock.now().getTime() - this.settings.retentionMs;
    const look = async (events: readonly LostEvent[]) => {
      const rows = await this.outbox.find(events.map(({ id }) => id));
      for (const row of rows) if (!found.newest || row.id > found.newest.id) found.newest = row;
      const has = new Set(rows.map(({ eventId }) => eventId.toLowerCase()));
      // An older one may be missing because its retention has passed.
      const missing = events.filter(({ id, at }) => !has.has(id.toLowerCase()) && at.getTime() > kept);
      count += missing.length;
      lost.push(...missing);
      lost.sort((a, b) => b.at.getTime() - a.at.getTime()).splice(NAMED);
    };
    const isOldEnough = (at: number) =>
      at < kept || (found.newest && at < found.newest.createdAt.getTime() - CLOCK_SKEW_MS);

    const partitions = await this.log.describe(this.settings.topics);
    let open = partitions.map((each) => ({ ...each, from: each.end, oldest: Infinity }));
    for (let step = FIRST_STEP; open.length > 0; step *= 4) {
      let waiting: LostEvent[] = [];
      for (const part of open) {
        const to = part.from;
        part.from = Math.max(part.start, to - step);
        for await (const { offset, key, headers, timestamp } of this.log.read(
          part.topic,
          part.partition,
          part.from,
        )) {
          if (offset >= to) break;
          part.oldest = Math.min(part.oldest, timestamp);
          const id = headers['ce_id'];
          if (id === undefined || !UUID.test(id)) continue;
          waiting.push({ id, type: headers['ce_type'] ?? null, key, at: new Date(timestamp) });
          if (waiting.length < LOOKUP) continue;
          await look(waiting);
          waiting = [];
        }
      }
      if (waiting.length > 0) await look(waiting);
      open = open.filter(({ from, start, oldest }) => from > start && !isOldEnough(oldest));
    }
    return { newest: found.newest, lost: { count, newest: lost } };
  }
}
