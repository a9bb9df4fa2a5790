import type { ConsumedRecord } from './event-log';

/** Why a record was set aside. `parked` means that an earlier record with its key was. */
export type DeadLetterKind =
  | 'malformed'
  | 'unknown-type'
  | 'unknown-version'
  | 'invalid-data'
  | 'handler-failed'
  | 'process-died'
  | 'parked';

export interface DeadLetter {
  readonly record: ConsumedRecord;
  readonly kind: DeadLetterKind;
  /** A sentence for the operator. */
  readonly reason: string;
  /** How often a handler was tried. */
  readonly attempts: number;
}

/** How a dead letter ended: its record was handled after all, or it was decided that it never will be. */
export type DeadLetterResolution = 'replayed' | 'discarded';

/** A dead letter as it is kept. */
export interface StoredDeadLetter extends DeadLetter {
  /** A number from 1, as text: the letter's name within its service, in the order in which they came. */
  readonly id: string;
  readonly createdAt: Date;
  /** When a handler was last tried; undefined if none ever was. */
  readonly triedAt: Date | undefined;
  /** Undefined as long as the letter is open. */
  readonly resolution: DeadLetterResolution | undefined;
  readonly resolvedAt: Date | undefined;
  /** Why it was discarded, in an operator's words. */
  readonly note: string | undefined;
}

export interface DeadLetterFilter {
  /** Those that wait for a decision, or all. */
  readonly state: 'open' | 'all';
  readonly limit: number;
  /** The id of the last one of the page before. */
  readonly after?: string | undefined;
}

/** The records that a consumer could not handle, kept whole until someone decides, and afterwards for the record. */
export abstract class DeadLetters {
  /**
   * Sets a record aside for `consumer`; twice is once. Takes part in the open unit of work.
   * @returns false if it was set aside before and that letter is resolved.
   */
  abstract add(consumer: string, letter: DeadLetter): Promise<boolean>;

  /**
   * Those of `keys` that have an open dead letter in `topic`: their later records must wait behind it. None of these
   * letters is resolved by others until the open unit of work ends; those that are being resolved are waited for.
   */
  abstract blockedKeys(
    consumer: string,
    topic: string,
    keys: readonly string[],
  ): Promise<ReadonlySet<string>>;

  /** In the order in which they came. */
  abstract list(consumer: string, filter: DeadLetterFilter): Promise<readonly StoredDeadLetter[]>;

  /** How many are open. */
  abstract countOpen(consumer: string): Promise<number>;

  abstract find(consumer: string, id: string): Promise<StoredDeadLetter | undefined>;

  /**
   * The first open letter of the same topic and key, alone against others who want it until the open unit of work
   * ends: the one that must be resolved before all later ones. A letter without a key is first by itself.
   * @returns undefined if there is none any more.
   */
  abstract lockFirst(consumer: string, letter: StoredDeadLetter): Promise<StoredDeadLetter | undefined>;

  /** Ends a letter that {@link lockFirst} has given. Takes part in the open unit of work. */
  abstract resolve(
    consumer: string,
    id: string,
    resolution: DeadLetterResolution,
    note?: string,
  ): Promise<void>;

  /** Takes down that the handler of an open letter is about to be tried once more. */
  abstract tryAgain(consumer: string, id: string): Promise<void>;

  /** Takes down why an open letter stays one. */
  abstract failedAgain(consumer: string, id: string, why: Pick<DeadLetter, 'kind' | 'reason'>): Promise<void>;
}
