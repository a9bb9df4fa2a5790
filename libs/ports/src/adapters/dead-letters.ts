import type { ConsumedRecord } from './event-log';

/** Why a record was dead-lettered. `parked`: because an earlier record with the same key was. */
export type DeadLetterKind =
  'malformed' | 'unknown-version' | 'invalid-data' | 'handler-failed' | 'process-died' | 'parked';

export interface DeadLetter {
  readonly record: ConsumedRecord;
  readonly kind: DeadLetterKind;
  /** A sentence for the operator. */
  readonly reason: string;
  /** The number of attempts to handle it. */
  readonly attempts: number;
}

/** How a dead letter was resolved: its record was handled after all, or an operator discarded it. */
export type DeadLetterResolution = 'replayed' | 'discarded';

/** A stored dead letter. */
export interface StoredDeadLetter extends DeadLetter {
  /** A number from 1, as text: identifies the letter within its service; ascending in order of arrival. */
  readonly id: string;
  readonly createdAt: Date;
  /** The time of the last attempt to handle it; undefined if there was none. */
  readonly triedAt: Date | undefined;
  /** Undefined while the letter is open. */
  readonly resolution: DeadLetterResolution | undefined;
  readonly resolvedAt: Date | undefined;
  /** The operator's reason for discarding it. */
  readonly note: string | undefined;
}

export interface DeadLetterFilter {
  /** Only unresolved letters, or all. */
  readonly state: 'open' | 'all';
  readonly limit: number;
  /** The id of the previous page's last letter. */
  readonly after?: string | undefined;
}

/**
 * The records that a consumer could not handle, stored in full; kept for reference for a while after an operator resolves
 * them.
 */
export abstract class DeadLetters {
  /**
   * Adds a dead letter for `consumer`, unless the very same record has one: one of the same log, place and content.
   * Joins the open unit of work.
   * @returns false if the record already has a dead letter that is resolved.
   * @throws Error if it can't be stored.
   */
  abstract add(consumer: string, letter: DeadLetter): Promise<boolean>;

  /**
   * Returns those of `keys` that have an open dead letter in `topic`, so that later records must wait. Locks these
   * letters against being resolved until the open unit of work ends; waits for letters that are just being resolved.
   */
  abstract blockedKeys(
    consumer: string,
    topic: string,
    keys: readonly string[],
  ): Promise<ReadonlySet<string>>;

  /** In order of arrival; fewer than `limit` if their records are large, and none only if there are none. */
  abstract list(consumer: string, filter: DeadLetterFilter): Promise<readonly StoredDeadLetter[]>;

  /** The number of open letters, or `limit` if there are more: so it costs no more than that. */
  abstract countOpen(consumer: string, limit: number): Promise<number>;

  abstract find(consumer: string, id: string): Promise<StoredDeadLetter | undefined>;

  /**
   * Locks the first open letter with the same topic and key, in order of arrival, until the open unit of work ends: the
   * one that must be resolved before all later ones. A letter without a key is always first.
   * @returns undefined if there is none left.
   */
  abstract lockFirst(consumer: string, letter: StoredDeadLetter): Promise<StoredDeadLetter | undefined>;

  /** Resolves a letter that {@link lockFirst} returned. Joins the open unit of work. */
  abstract resolve(
    consumer: string,
    id: string,
    resolution: DeadLetterResolution,
    note?: string,
  ): Promise<void>;

  /** Records that an open letter is about to be retried. */
  abstract tryAgain(consumer: string, id: string): Promise<void>;

  /**
   * Records why the retry of an open letter failed.
   * @returns false if it isn't open any more: another process was faster.
   */
  abstract failedAgain(
    consumer: string,
    id: string,
    why: Pick<DeadLetter, 'kind' | 'reason'>,
  ): Promise<boolean>;

  /** Deletes letters that were resolved longer ago than `ageMs`, at most `limit`. @returns how many. */
  abstract prune(consumer: string, ageMs: number, limit: number): Promise<number>;
}
