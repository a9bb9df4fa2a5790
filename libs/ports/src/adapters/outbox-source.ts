import type { OutgoingRecord } from './event-log';

/** The rows to publish and the cursor to store with them. */
export interface OutboxPage {
  readonly records: readonly OutgoingRecord[];
  /** Opaque to all but the source; may advance even without records. */
  readonly cursor: string;
  /** True if more rows may be available; false if the caller should wait for the next change. */
  readonly more: boolean;
}

export interface OutboxBacklog {
  /** The number of committed rows after the cursor. */
  readonly rows: number;
  /** Whether there are too many to count, so that `rows` is an estimate. */
  readonly isEstimate: boolean;
  /** The age of the oldest one, milliseconds; 0 if there is none. */
  readonly oldestAgeMs: number;
}

/** A row of the outbox. */
export interface FoundRow {
  readonly eventId: string;
  readonly id: bigint;
  readonly createdAt: Date;
}

/** The outbox doesn't exist yet: its service creates it on startup. */
export class NoOutboxError extends Error {
  override readonly name = 'NoOutboxError';

  constructor(options?: ErrorOptions) {
    super('There is no outbox yet: its service makes the table when it starts', options);
  }
}

/**
 * The database isn't the one that the cursor belongs to, or has lost commits that are on the log. Nothing may be
 * published until an operator has decided that it is the right one.
 */
export class OutboxReplacedError extends Error {
  override readonly name = 'OutboxReplacedError';
}

/** What a relay reads: a service's outbox, in an order that is safe to publish. */
export abstract class OutboxSource {
  /**
   * Resolves once this process owns the outbox; others stand by. Ownership ends with {@link release}, the process or
   * its connection.
   */
  abstract acquire(signal: AbortSignal): Promise<void>;

  /**
   * Checks, once after each {@link acquire}, that this database has everything that was published up to `cursor`.
   * @returns a sentence if the server has changed and nothing that was published is lost.
   * @throws OutboxReplacedError if it was replaced by an older state or by another database.
   * @throws NoOutboxError if its service has not created it yet.
   */
  abstract verify(cursor: string | undefined): Promise<string | undefined>;

  /**
   * Returns the next rows after `cursor` (undefined: from the start), about `limit` at most. Following the cursors
   * returns every committed row exactly once, and an aggregate's rows in the order of its versions.
   * @throws NoOutboxError if its service has not created it yet.
   */
  abstract read(cursor: string | undefined, limit: number): Promise<OutboxPage>;

  /** Resolves when there may be rows to read, after `timeoutMs` at the latest, or when `signal` aborts. */
  abstract changed(timeoutMs: number, signal: AbortSignal): Promise<void>;

  /** Its cost does not depend on how many rows there are. */
  abstract backlog(cursor: string | undefined): Promise<OutboxBacklog>;

  /**
   * Deletes in bulk rows that are before the cursor and older than `ageMs`, except those that {@link verify} needs.
   * @returns the number of rows.
   */
  abstract prune(cursor: string, ageMs: number): Promise<number>;

  /** Finds the rows of events, in any order. */
  abstract find(eventIds: readonly string[]): Promise<readonly FoundRow[]>;

  /**
   * Makes a cursor for the current database, after an operator has decided that it replaces the one that `cursor` belongs
   * to. Following it returns every row that is not surely published, and few others.
   * @param onLog the newest row that is known to be on the log; undefined if none is.
   */
  abstract adopt(cursor: string | undefined, onLog: FoundRow | undefined): Promise<string>;

  /**
   * Gives rows that came from another server transaction numbers of this one. Call it once the cursor of {@link adopt} is
   * stored. @returns the number of rows.
   */
  abstract renumber(): Promise<number>;

  abstract release(): Promise<void>;
}
