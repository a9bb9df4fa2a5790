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
  /** The age of the oldest one, milliseconds; 0 if there is none. */
  readonly oldestAgeMs: number;
}

/** The outbox doesn't exist yet: its service creates it on startup. */
export class NoOutboxError extends Error {
  override readonly name = 'NoOutboxError';

  constructor(options?: ErrorOptions) {
    super('There is no outbox yet: its service makes the table when it starts', options);
  }
}

/** What a relay reads: a service's outbox, in an order that is safe to publish. */
export abstract class OutboxSource {
  /**
   * Resolves once this process owns the outbox; others stand by. Ownership ends with {@link release}, the process or
   * its connection.
   */
  abstract acquire(signal: AbortSignal): Promise<void>;

  /**
   * Returns the next rows after `cursor` (undefined: from the start), about `limit` at most. Following the cursors
   * returns every committed row exactly once, and an aggregate's rows in the order of its versions.
   * @throws NoOutboxError if its service has not created it yet.
   */
  abstract read(cursor: string | undefined, limit: number): Promise<OutboxPage>;

  /** Resolves when there may be rows to read, after `timeoutMs` at the latest, or when `signal` aborts. */
  abstract changed(timeoutMs: number, signal: AbortSignal): Promise<void>;

  abstract backlog(cursor: string | undefined): Promise<OutboxBacklog>;

  /** Deletes in bulk rows that are before the cursor and older than `ageMs`. @returns the number of rows. */
  abstract prune(cursor: string, ageMs: number): Promise<number>;

  abstract release(): Promise<void>;
}
