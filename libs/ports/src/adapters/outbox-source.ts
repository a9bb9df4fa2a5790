import type { OutgoingRecord } from './event-log';

/** Rows to publish and the cursor to store with them. */
export interface OutboxPage {
  readonly records: readonly OutgoingRecord[];
  /** Opaque to all but the source; progress even without records. */
  readonly cursor: string;
  /** True if more may be read at once; false if the next change should be waited for. */
  readonly more: boolean;
}

export interface OutboxBacklog {
  /** Committed rows that are not behind the cursor. */
  readonly rows: number;
  /** Age of the oldest of them, milliseconds; 0 if there is none. */
  readonly oldestAgeMs: number;
}

/** The outbox is not there yet: it is made by its service when that starts. */
export class NoOutboxError extends Error {
  override readonly name = 'NoOutboxError';

  constructor(options?: ErrorOptions) {
    super('There is no outbox yet: its service makes the table when it starts', options);
  }
}

/** What a relay reads: one service's outbox, in an order that is safe to publish. */
export abstract class OutboxSource {
  /**
   * Resolves once this process is the one that relays this outbox; others stand by. Ownership ends by
   * {@link release}, or with the process or its connection.
   */
  abstract acquire(signal: AbortSignal): Promise<void>;

  /**
   * The next rows after `cursor` (undefined: from the start), at most about `limit`. Every committed row appears
   * once along a chain of cursors, and an aggregate's rows in the order of its versions.
   * @throws NoOutboxError if its service has not made it yet.
   */
  abstract read(cursor: string | undefined, limit: number): Promise<OutboxPage>;

  /** Resolves when something may be there to read, at the latest after `timeoutMs`, or when `signal` aborts. */
  abstract changed(timeoutMs: number, signal: AbortSignal): Promise<void>;

  abstract backlog(cursor: string | undefined): Promise<OutboxBacklog>;

  /** Deletes in bulk what lies behind the cursor and is older than `ageMs`. Returns the number of rows. */
  abstract prune(cursor: string, ageMs: number): Promise<number>;

  abstract release(): Promise<void>;
}
