import type { ConsumedRecord } from './event-log';

/** Why a record was set aside. `parked` means that an earlier record with its key was. */
export type DeadLetterKind =
  'malformed' | 'unknown-type' | 'unknown-version' | 'invalid-data' | 'handler-failed' | 'parked';

export interface DeadLetter {
  readonly record: ConsumedRecord;
  readonly kind: DeadLetterKind;
  /** A sentence for the operator. */
  readonly reason: string;
  /** How often a handler was tried. */
  readonly attempts: number;
}

/** The records that a consumer could not handle, kept whole until someone decides. */
export abstract class DeadLetters {
  /** Sets a record aside for `consumer`; twice is once. Takes part in the open unit of work. */
  abstract add(consumer: string, letter: DeadLetter): Promise<void>;

  /** Those of `keys` that have a dead letter in `topic`: their later records must wait behind it. */
  abstract blockedKeys(
    consumer: string,
    topic: string,
    keys: readonly string[],
  ): Promise<ReadonlySet<string>>;
}
